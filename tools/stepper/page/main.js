// The page of the stepper: what its source tells goes to the parts of the page, what is pressed goes to the source as a
// command. The source is the stepper's server, or a recording that stands in the page.
import {Charts, stepsOf} from './charts.js';
import {Figure} from './figure.js';
import {live} from './live.js';
import {byId, html} from './make.js';
import {Passed} from './passed.js';
import {Followed, isHeartbeat, nodes, operationOf, placeOf} from './points.js';
import {recorded} from './recorded.js';
import {cachedOf, Stores} from './stores.js';

const kSnapshots = 200;  // of the stores, to look back at

const isLive = !byId('recording');
const source = isLive ? live() : recorded(JSON.parse(byId('recording').textContent));
for (const each of document.querySelectorAll('[data-only]')) {
  each.hidden = false;
  if (each.dataset.only !== source.kind) each.remove();
}

let state = {layers: [], breakpoints: [], stopped: null};
let cluster = null;
let snapshots = [];  // {number: of the last point before it, stores}
let followed = null;
let chosen = null;   // a place, or a point
let parts = null;    // as soon as the nodes are known

// Commands.

async function run(text) {
  const reply = await source.command(text);
  if (isLive) byId('reply').textContent = `${text}\n${reply.text}`;
  byId('reply')?.classList.toggle('refused', !reply.ok);
  byId('answered').textContent = reply.text;
  return reply;
}

function toggleBreakpoint(step) {
  const there = state.breakpoints.filter((each) => stepsOf(each).includes(String(step)));
  if (!there.length) return run(`break ${step}`);
  return Promise.all(there.map((each) => run(`delete ${each.number}`)));
}

function mayGo(button) {
  if (!isLive) return button.dataset.command.startsWith('back') ? state.may_go_back : state.may_go_on;
  if (button.dataset.command === 'pause') return !state.stopped;
  return Boolean(state.stopped) && (button.dataset.command === 'continue' || Boolean(state.at));
}

for (const button of byId('go').children) {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') run(button.dataset.command);
  });
}
byId('kill')?.addEventListener('submit', (event) => {
  event.preventDefault();
  run(`kill ${byId('victim').value}`);
});
byId('fail')?.addEventListener('submit', (event) => {
  event.preventDefault();
  run(`fail ${byId('refuser').value}.fs_cache medium.flush.objects=error`);
});
byId('console')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = byId('command').value.trim();
  if (text) run(text);
});

// What is told.

function begin() {
  nodes.push(...new Set(state.layers.map(({place}) => place.split('.')[0])));
  const places = state.layers.map(({place}) => place);
  byId('victim')?.append(...[...nodes, ...places].map((each) => html('option', {}, each)));
  byId('refuser')?.append(...nodes.map((each) => html('option', {}, each)));
  parts = {
    figure: new Figure(choose),
    charts: new Charts(toggleBreakpoint),
    stores: new Stores(),
    passed: new Passed({look: isLive ? look : goTo, follow: (point) => follow(new Followed(point)), whole: !isLive}),
  };
  if (cluster) parts.figure.cluster(cluster);
  if (snapshots.length) showStores(snapshots.at(-1).stores, false);
}

function stoppedText() {
  if (!state.stopped) return 'Runs';
  if (!state.at) return isLive ? 'Stands: the clocks are stopped' : 'The recording has no points';
  const {at} = state;
  if (!isLive) return `Point ${at.number} of ${state.count}: ${atText(at)}${state.why ? `. ${state.why}` : ''}`;
  return `Stands at ${atText(at)}`;
}

function atText(at) {
  return `${at.step ? `STEP ${at.step}` : `“${at.title}”`} on ${placeOf(at)}, ${operationOf(at)}`;
}

function showState() {
  byId('state').textContent = stoppedText();
  byId('state').dataset.state = state.stopped ? 'stands' : 'runs';
  for (const button of byId('go').children) button.setAttribute('aria-disabled', String(!mayGo(button)));
  parts.figure.state(state);
  parts.charts.mark(state.at?.step ?? 0, false);
  parts.charts.breakpoints(state.breakpoints);
  if (isLive && parts.passed.at !== null) look(parts.passed.points.find((each) => each.number === parts.passed.at));
  describe();
}

function showStores(stores, then) {
  if (!stores) {
    parts.stores.unknown();
    return parts.figure.unknown();
  }
  parts.stores.show(stores);
  parts.figure.stores(cachedOf(stores), stores.mirror, stores.ledger.luns);
  byId('then').hidden = !then;
  if (then) byId('then').textContent = 'Looking back: this is how it was then.';
}

const hear = {
  state(data) {
    state = data;
    if (!parts) begin();
    showState();
  },
  stores(data) {
    snapshots.push({number: parts?.passed.last ?? 0, stores: data});
    snapshots = snapshots.slice(-kSnapshots);
    if (parts && parts.passed.at === null) showStores(data, false);
  },
  cluster(data) {
    cluster = data;
    parts?.figure.cluster(data);
    describe();
  },
  points({points, steps}) {
    if (!parts) return;
    parts.passed.add(points);
    parts.charts.pass(steps);
    parts.figure.pass(points.filter((each) => !isHeartbeat(each)));
    if (!followed) return;
    points.forEach((each) => followed.learn(each));
    showFollowed();
  },
  stop(data) {
    if (data.at) follow(new Followed(data.at));
    state = {...state, ...data};
    byId('stopped').textContent = stoppedText();
  },
  /// Of a recording: its points.
  all({points}) {
    parts.passed.add(points);
    parts.passed.paint();
  },
  /// Of a recording: where it stands, what was passed on the way there, and how often each STEP up to there.
  stand({point, passed, steps, stores, as_of, operation}) {
    parts.charts.count(steps);
    parts.figure.markLink(point);
    parts.figure.pass(passed.filter((each) => !isHeartbeat(each)));
    showStores(stores, false);
    byId('then').hidden = false;
    byId('then').textContent = as_of ? `Layers, stores and ledger are as of point ${as_of}, where they were read last.`
      : 'Layers and stores had not been read before this point.';
    parts.passed.stand(point.number);
    if (operation) follow(operation);
    else if (followed) showFollowed();
  },
  about({text}) {
    byId('back-title').textContent = 'Time line';
    byId('recorded').textContent = text;
    document.title = 'Understudy: recording';
  },
  run() {
    byId('stopped').textContent = '';
  },
  lost({events}) {
    byId('answered').textContent = `${events} messages were left out: this page was too slow.`;
  },
  away(why) {
    byId('state').textContent = why;
    byId('state').dataset.state = 'away';
    for (const button of byId('go').children) button.setAttribute('aria-disabled', 'true');
  },
};

// What is looked at.

function follow(which) {
  followed = which;
  showFollowed();
  parts.passed.follow(followed);
}

function showFollowed() {
  byId('following').replaceChildren(`Follows ${followed.text()}`);
  if (followed.lsn && isLive) {
    const button = html('button', {}, 'Break on it');
    button.addEventListener('click', () => run(`break any if lun == ${followed.lun} && lsn == ${followed.lsn}`));
    byId('following').append(' ', button);
  }
  const last = isLive ? Infinity : parts.passed.at;
  parts.figure.trail(parts.passed.points.filter((each) => each.number <= last && followed.is(each)));
}

/// A look at what was: read only, nothing is undone. Nothing: back to what is.
function look(point) {
  const {figure, charts} = parts;
  if (!point) {
    figure.markLink(null);
    figure.mark(state.at && placeOf(state.at), false);
    charts.mark(state.at?.step ?? 0, false);
    if (snapshots.length) showStores(snapshots.at(-1).stores, false);
    chosen = typeof chosen === 'string' ? chosen : null;
    return describe();
  }
  figure.mark(placeOf(point), true);
  figure.markLink(point);
  charts.mark(point.step ?? 0, true);
  const then = snapshots.filter((each) => each.number <= point.number).at(-1) ?? snapshots[0];
  if (then) showStores(then.stores, true);
  chosen = point;
  describe();
}

/// The same in a recording, where all is what was.
function goTo(point) {
  chosen = null;
  source.command(`goto ${point.number}`);
}

function choose(place) {
  chosen = place;
  if (isLive) byId('victim').value = place;
  describe();
}

function describe() {
  const title = byId('about-title');
  if (typeof chosen === 'string') return describeLayer(title);
  const point = chosen ?? state.at;
  byId('actions').replaceChildren();
  if (!point) {
    title.textContent = 'Choose a layer or a point';
    return facts(clusterFacts());
  }
  title.textContent = chosen ? 'A point that was passed' : isLive ? 'Where everything stands' : 'This point';
  facts({place: placeOf(point), what: point.title, ...withoutShown(point), ...(chosen ? {} : state.irp)});
}

function withoutShown({node, layer, title, number, hop, step, neighbour, ...rest}) {
  return rest;
}

function describeLayer(title) {
  const [node, layer] = chosen.split('.');
  const about = state.layers.find(({place}) => place === chosen) ?? {};
  title.textContent = chosen;
  if (!isLive) byId('actions').replaceChildren();
  else if (byId('actions').dataset.of !== chosen || !byId('actions').children.length) {
    byId('actions').dataset.of = chosen;
    byId('actions').replaceChildren(...[['Break here', `break any on ${chosen}`], ['Kill', `kill ${chosen}`],
      ['Hang', `hang ${chosen}`], ['Wake', `wake ${chosen}`]].map(([text, what]) => {
      const button = html('button', {'aria-label': `${text}: ${chosen}`}, text);
      button.addEventListener('click', () => run(what));
      return button;
    }));
  }
  const parked = state.parked?.find((point) => placeOf(point) === chosen);
  facts({does: about.does, process: about.pid, ...(parked && {parked_at: parked.title, operation: operationOf(parked)}),
    ...nodeFacts(node, layer)});
}

/// What the node says of what that layer does.
function nodeFacts(node, layer) {
  const said = cluster?.nodes.find(({name}) => name === node) ?? {};
  const keys = {
    netstack: ['addresses', 'stands_by', 'connections', 'opens'],
    ff_driver: ['mirroring', 'degraded'],
    fs_cache: ['operations_unwritten', 'bytes_unwritten', 'storage_errors'],
    rd_driver: ['interconnect'],
    mirror_server: ['operations_mirrored'],
    cluster_app: ['state', 'owns', 'partner', 'awaiting', 'warning'],
  }[layer] ?? [];
  return Object.fromEntries(keys.filter((key) => key in said).map((key) => [key, said[key]]));
}

function clusterFacts() {
  const found = {};
  for (const {name, state: is, owns, warning, awaiting} of cluster?.nodes ?? [])
    found[`node ${name}`] = [is, owns?.length && `owns ${owns.join(', ')}`, warning, awaiting].filter(Boolean).join('; ');
  const takeover = cluster?.last_takeover;
  if (takeover) {
    found['last takeover'] =
      `${takeover.by} from ${takeover.from}: ${takeover.operations_replayed} operations replayed, ${takeover.milliseconds} ms`;
  }
  return found;
}

function facts(all) {
  byId('facts').replaceChildren(html('dl', {}, ...Object.entries(all).flatMap(([key, value]) => [
    html('dt', {}, key.replaceAll('_', ' ')),
    html('dd', {}, Array.isArray(value) ? value.join(', ') : String(value ?? ''))])));
}

source.listen(hear);
