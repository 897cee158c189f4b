// FIG. 3 and FIG. 4: boxes that light up as they are passed. A box is a button that sets a breakpoint.
import {rove, svg} from './make.js';
import {sideOf} from './points.js';

const kGlowMs = 900;
const kLeft = 118;
const kRight = 318;
const kHalf = 86;   // of a box's width
const kTall = 18;   // half of its height

// step: [x, y, shape, in short, the description's words]
const kFig4 = {
  size: [424, 540],
  boxes: {
    400: [kLeft, 26, 'rect', 'operation arrives', 'a client issues a write data operation'],
    402: [kLeft, 78, 'ask', 'degraded?', 'degraded?'],
    404: [kRight, 78, 'rect', 'write degraded', 'write according to the degraded write protocol'],
    406: [kLeft, 130, 'rect', 'into the cache', 'write to the unwritten-data cache'],
    408: [kLeft, 182, 'rect', 'copy to partner', 'write a copy to the partner’s mirror store'],
    410: [kLeft, 234, 'ask', 'in both?', 'stored in both?'],
    412: [kLeft, 286, 'rect', 'acknowledge', 'acknowledge to the client'],
    414: [kLeft, 354, 'rect', 'cache to medium', 'write from the cache to the storage medium'],
    416: [kLeft, 406, 'ask', 'written?', 'written successfully?'],
    418: [kLeft, 458, 'rect', 'purge the copy', 'purge the mirrored copy'],
    420: [kLeft, 510, 'ask', 'last of batch?', 'last operation of the batch?'],
    422: [kRight, 458, 'rect', 'next, or why not', 'next appropriate action, or why the write failed'],
  },
  lines: [
    'M118 44V60', 'M118 96V112', 'M118 148V164', 'M118 200V216', 'M118 252V268', 'M118 372V388', 'M118 424V440',
    'M118 476V492', 'M204 78H230', 'M32 234H14V130H30', 'M32 510H14V354H30', 'M204 406H290V438', 'M204 510H318V478',
    'M346 440V354H206',
  ],
  words: [[208, 68, 'yes'], [125, 108, 'no'], [125, 264, 'yes'], [18, 226, 'no'], [212, 398, 'no'], [125, 436, 'yes'],
    [18, 502, 'no'], [212, 502, 'yes'], [262, 346, 'again']],
  rule: [318, 'in the background'],
};
const kFig3 = {
  size: [424, 540],
  boxes: {
    300: [kLeft, 30, 'rect', 'servers started', 'the clustered servers are started'],
    302: [kLeft, 98, 'rect', 'monitor', 'monitor the operational status of the servers'],
    304: [kLeft, 166, 'ask', 'one failed?', 'has a server failed?'],
    310: [kLeft, 234, 'rect', 'transfer LUNs', 'transfer ownership of the failed server’s LUNs'],
    312: [kLeft, 302, 'rect', 'recover medium', 'other actions to recover the storage medium'],
    314: [kLeft, 370, 'rect', 'replay copies', 'replay the unwritten mirrored operations'],
    316: [kLeft, 438, 'rect', 'mirroring off', 'turn mirroring off'],
    318: [kLeft, 506, 'rect', 'degraded writes', 'configure the cache for degraded writes'],
    330: [kRight, 234, 'rect', 'monitor failed', 'monitor the failed server'],
    332: [kRight, 302, 'ask', 'there again?', 'is the failed server operational again?'],
    334: [kRight, 370, 'rect', 'mirroring on', 'turn mirroring on again'],
    336: [kRight, 438, 'rect', 'give LUNs back', 're-assign ownership of the LUNs'],
  },
  lines: [
    'M118 48V80', 'M118 116V148', 'M118 184V216', 'M118 252V284', 'M118 320V352', 'M118 388V420', 'M118 456V488',
    'M32 166H14V98H30', 'M204 166H318V216', 'M318 252V284', 'M318 320V352', 'M318 388V420', 'M404 302H420V234H405',
  ],
  words: [[126, 202, 'yes'], [18, 158, 'no'], [244, 158, 'yes'], [326, 338, 'yes'], [400, 276, 'no']],
};

export class Charts {
  /// `toggle(step)` when a box is chosen.
  constructor(toggle) {
    this.boxes = new Map();
    this.passed = {};
    this.glows = new Map();
    this.draw(document.getElementById('fig4'), kFig4, 'FIG. 4', toggle);
    this.draw(document.getElementById('fig3'), kFig3, 'FIG. 3', toggle);
  }

  draw(section, figure, name, toggle) {
    const [width, height] = figure.size;
    const root = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `${name}, breakpoints`});
    root.append(svg('defs', {}, svg('marker', {id: `${section.id}-tip`, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 8,
      markerHeight: 8, orient: 'auto'}, svg('path', {d: 'M0 0 8 4 0 8z', class: 'tip'}))));
    for (const d of figure.lines) root.append(svg('path', {d, class: 'flow', 'marker-end': `url(#${section.id}-tip)`}));
    for (const [x, y, text] of figure.words) root.append(svg('text', {x, y, class: 'word'}, text));
    if (figure.rule) {
      const [y, text] = figure.rule;
      root.append(svg('path', {d: `M4 ${y}H${width - 4}`, class: 'rule'}));
      root.append(svg('text', {x: width - 6, y: y + 17, class: 'word end'}, text));
    }
    const buttons = [];
    for (const [step, [x, y, shape, short, words]] of Object.entries(figure.boxes)) {
      const outline = shape === 'rect'
        ? svg('rect', {x: x - kHalf, y: y - kTall, width: 2 * kHalf, height: 2 * kTall, rx: 5, class: 'outline'})
        : svg('path', {d: `M${x - kHalf} ${y}l18 ${-kTall}h${2 * kHalf - 36}l18 ${kTall}l-18 ${kTall}h${36 - 2 * kHalf}z`, class: 'outline'});
      const counts = svg('text', {x: x + 4, y: y + 14, class: 'count'});
      const box = svg('g', {class: 'box', role: 'button', 'aria-pressed': 'false', 'data-step': step,
        'aria-label': `STEP ${step}: ${words}. Breakpoint`},
        svg('title', {}, `STEP ${step}: ${words}`), outline,
        svg('circle', {cx: x - kHalf + 2, cy: y - kTall + 3, r: 7, class: 'dot'}),
        svg('text', {x, y: y - 1, class: 'label'}, svg('tspan', {class: 'number'}, step), ` ${short}`), counts);
      this.boxes.set(Number(step), {box, counts});
      buttons.push(box);
    }
    root.append(...buttons);
    section.append(root);
    rove(root, buttons, (box) => toggle(Number(box.dataset.step)));
  }

  /// {"a 408": 3}
  pass(steps, glows = true) {
    for (const [key, count] of Object.entries(steps)) {
      const [node, number] = key.split(' ');
      const step = Number(number);
      const box = this.boxes.get(step);
      if (!box) continue;
      const passed = (this.passed[step] ??= {});
      passed[node] = (passed[node] ?? 0) + count;
      box.counts.replaceChildren(...Object.keys(passed).sort().map(
        (each) => svg('tspan', {class: sideOf(each), dx: 6}, `${each} ${short(passed[each])}`)));
      if (glows && step !== 302) this.glow(box.box, node);
    }
  }

  /// Shows just these counts: {"a 408": 3}
  count(steps) {
    for (const {counts} of this.boxes.values()) counts.replaceChildren();
    this.passed = {};
    this.pass(steps, false);
  }

  glow(box, node) {
    clearTimeout(this.glows.get(box));
    box.classList.remove('lit-a', 'lit-b');
    box.classList.add(`lit-${sideOf(node)}`);
    this.glows.set(box, setTimeout(() => box.classList.remove('lit-a', 'lit-b'), kGlowMs));
  }

  /// The box where everything stands, or that is looked back at; 0: none.
  mark(step, then) {
    for (const [each, {box}] of this.boxes) {
      box.classList.toggle('here', each === step && !then);
      box.classList.toggle('then', each === step && then);
    }
  }

  breakpoints(all) {
    for (const [step, {box}] of this.boxes) {
      const there = all.some((each) => stepsOf(each).includes(String(step)));
      box.setAttribute('aria-pressed', String(there));
    }
  }
}

/// What a breakpoint names before its place and its condition.
export function stepsOf(breakpoint) {
  return breakpoint.text.split(/\s(?:on|if)\s/)[0].split(/\s+/);
}

function short(count) {
  return count < 10000 ? String(count) : `${Math.floor(count / 1000)}k`;
}
