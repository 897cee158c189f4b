// Elements of the page.
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

export function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/// Arrow keys go through `elements`, of which Tab reaches one; Enter and Space call `act`.
export function rove(container, elements, act) {
  elements.forEach((each, i) => each.setAttribute('tabindex', i === 0 ? '0' : '-1'));
  const enter = (element) => {
    for (const each of elements) each.setAttribute('tabindex', each === element ? '0' : '-1');
    element.focus();
  };
  container.addEventListener('keydown', (event) => {
    const at = elements.indexOf(event.target.closest('[role=button]'));
    if (at < 0) return;
    const by = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
    if (by) enter(elements[(at + by + elements.length) % elements.length]);
    if (event.key === 'Enter' || event.key === ' ') act(elements[at]);
    if (by || event.key === 'Enter' || event.key === ' ') event.preventDefault();
  });
  container.addEventListener('click', (event) => {
    const element = event.target.closest('[role=button]');
    if (!elements.includes(element)) return;
    enter(element);
    act(element);
  });
}
