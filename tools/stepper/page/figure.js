// FIG. 2 for this cluster: two stacks, the links between their layers, the interconnect, the medium.
// A message moves along its link when its point comes in.
import {rove, svg} from './make.js';
import {endsOf, kindOf, nodes, operationOf, other, placeOf, sideOf} from './points.js';

const kWide = 1000;
const kFlightMs = 600;
const kMaxFlights = 40;
const kSpreadMs = 1500;  // what came in together is shown one after the other within this time
const kGapMs = 220;
const kLabelMs = 350;    // so long no other message of a link has a label

// layer: [reference number in FIG. 2, x on the left side, y, width]
const kLayers = {
  netstack: [120, 28, 94, 158],
  ff_driver: [140, 28, 198, 158],
  fs_cache: [130, 28, 302, 158],
  cluster_app: [110, 262, 94, 158],
  rd_driver: [150, 262, 198, 158],
  mirror_server: [160, 262, 302, 158],
};
const kTall = 76;
const kMediumY = 438;

const still = matchMedia('(prefers-reduced-motion: reduce)');
const [kTop, kMiddle, kBottom] = [94, 198, 302].map((y) => y + kTall / 2);

export class Figure {
  /// `choose(place)` when a layer is chosen.
  constructor(choose) {
    this.layers = new Map();
    this.links = new Map();
    this.flights = [];
    this.waiting = [];
    this.heads = {};
    this.owners = new Map();
    const section = document.getElementById('figure');
    this.root = svg('svg', {viewBox: `0 0 ${kWide} 516`, role: 'group', 'aria-label': 'FIG. 2, layers'});
    section.append(this.root);
    for (const node of nodes) this.frame(node);
    this.medium();
    for (const node of nodes) this.connect(node);
    const [one, two] = nodes;
    this.link(`${one}.cluster_app`, `${two}.cluster_app`, `M420 ${kTop}H580`, 'control');
    this.root.append(svg('text', {x: 500, y: kTop - 8, class: 'note middle'}, 'control'));
    this.root.append(svg('text', {x: 500, y: 226, class: 'note middle'}, 'interconnect'));
    const buttons = nodes.flatMap((node) => Object.keys(kLayers).map((layer) => this.layer(node, layer)));
    this.root.append(...buttons);
    this.air = svg('g', {'aria-hidden': 'true'});
    this.root.append(this.air);
    rove(this.root, buttons, (box) => choose(box.dataset.place));
  }

  /// x of something on the left side, as it lies on the side of `node`.
  x(node, x, width = 0) {
    return sideOf(node) === 'a' ? x : kWide - x - width;
  }

  frame(node) {
    const side = sideOf(node);
    const x = this.x(node, 8, 434);
    this.root.append(svg('rect', {x, y: 50, width: 434, height: 344, rx: 12, class: `frame ${side}`}));
    const name = svg('text', {x: x + 12, y: 78, class: `name ${side}`}, `Node ${node}`);
    const about = svg('text', {x: x + (side === 'a' ? 414 : 304), y: 78, class: 'note end'});
    const clientX = this.x(node, 28, 158);
    this.root.append(svg('rect', {x: clientX, y: 4, width: 158, height: 34, rx: 17, class: 'clients'}));
    const clients = svg('text', {x: clientX + 79, y: 26, class: 'note middle'}, 'SMB clients');
    this.root.append(svg('path', {d: `M${clientX + 79} 38V94`, class: 'link plain'}), name, about, clients);
    this.heads[node] = {about, clients};
  }

  medium() {
    this.root.append(svg('rect', {x: 8, y: 418, width: kWide - 16, height: 94, rx: 12, class: 'frame'}));
    this.root.append(svg('text', {x: 500, y: 472, class: 'note middle'}, 'storage medium'));
    this.lunTexts = nodes.map((node, lun) => {
      const x = this.x(node, 28, 158);
      const y = kMediumY;
      this.root.append(svg('path', {class: 'lun',
        d: `M${x} ${y}v50a79 10 0 0 0 158 0v-50a79 10 0 0 0-158 0a79 10 0 0 0 158 0`}));
      this.root.append(svg('text', {x: x + 79, y: y + 30, class: 'label middle'}, `LUN ${lun}`));
      const text = svg('text', {x: x + 79, y: y + 49, class: 'note middle'});
      this.root.append(text);
      return text;
    });
    for (const node of nodes) for (const lun of [0, 1]) this.owner(node, lun);
  }

  owner(node, lun) {
    const from = this.x(node, 28, 158) + 79;
    const to = this.x(nodes[lun], 28, 158) + 79;
    const d = from === to ? `M${from} 378V${kMediumY - 8}` : `M${from} 378V406H${to}V${kMediumY - 8}`;
    this.link(`${node}.fs_cache`, `lun${lun}`, d, 'owner');
  }

  connect(node) {
    const at = (layer) => `${node}.${layer}`;
    const left = (x) => this.x(node, x);
    const column = left(107);
    this.link(at('netstack'), at('ff_driver'), `M${column} 170V198`);
    this.link(at('ff_driver'), at('fs_cache'), `M${column} 274V302`);
    this.link(at('ff_driver'), at('rd_driver'), `M${left(186)} ${kMiddle}H${left(262)}`);
    this.link(at('mirror_server'), at('ff_driver'), `M${left(262)} 318L${left(186)} 262`);
    this.link(at('rd_driver'), `${other(node)}.mirror_server`,
      `M${left(420)} ${kMiddle}L${this.x(other(node), 420)} ${kBottom}`, 'interconnect');
    const bus = `M${left(262)} ${kTop}H${left(224)}`;
    this.link(at('cluster_app'), at('netstack'), `M${left(262)} ${kTop}H${left(186)}`, 'order');
    for (const [layer, y] of [['ff_driver', 212], ['fs_cache', 364]])
      this.link(at('cluster_app'), at(layer), `${bus}V${y}H${left(186)}`, 'order');
    for (const [layer, y] of [['rd_driver', 212], ['mirror_server', 364]])
      this.link(at('cluster_app'), at(layer), `${bus}V${y}H${left(262)}`, 'order');
  }

  link(from, to, d, kind = '') {
    const path = svg('path', {d, class: `link ${kind}`});
    this.root.append(path);
    this.links.set(`${from} ${to}`, {path, turned: false});
    this.links.set(`${to} ${from}`, {path, turned: true});
  }

  layer(node, name) {
    const [number, left, y, width] = kLayers[name];
    const x = this.x(node, left, width);
    const place = `${node}.${name}`;
    const does = svg('text', {x: x + 12, y: y + 46, class: 'does'});
    const holds = svg('text', {x: x + 12, y: y + 65, class: 'holds'});
    const box = svg('g', {class: `layer ${sideOf(node)}`, role: 'button', 'data-place': place},
      svg('rect', {x, y, width, height: kTall, rx: 7, class: 'outline'}),
      svg('text', {x: x + 12, y: y + 24, class: 'label'}, name),
      svg('text', {x: x + width - 9, y: y + 66, class: 'reference'}, `${number}${sideOf(node)}`), does, holds);
    this.layers.set(place, {box, does, holds});
    this.say(place, 'no word yet');
    return box;
  }

  say(place, text) {
    const layer = this.layers.get(place);
    layer.does.textContent = text;
    layer.box.setAttribute('aria-label', `${place.replace('.', ', ')}: ${text}`);
  }

  /// The answer to `layers`, and where everything stands.
  state(state) {
    for (const {place, does} of state.layers) {
      if (!this.layers.has(place)) continue;
      const {box} = this.layers.get(place);
      const short = does.startsWith('parked') ? does.replace(/^parked: (STEP \d+)?.*/, (_, step) => `at ${step ?? 'a hop'}`)
        : does.startsWith('idle') ? 'idle, held' : does;
      this.say(place, short);
      box.classList.toggle('dead', does === 'does not run');
      box.classList.toggle('held', /^(held|idle|parked)/.test(does));
    }
    const at = state.at;
    this.mark(at && placeOf(at), false);
  }

  /// The layer where everything stands, or that is looked back at.
  mark(place, then) {
    for (const [each, {box}] of this.layers) {
      box.classList.toggle(then ? 'then' : 'here', each === place);
      if (!then) box.classList.remove('then');
    }
  }

  /// How many records lie where; who owns what.
  stores(cached, mirrored, luns) {
    for (const node of nodes) {
      this.hold(`${node}.fs_cache`, cached[node].count, 'unwritten');
      this.hold(`${node}.mirror_server`, mirrored[node].count, `of ${other(node)}`);
    }
    for (const {lun, owner, durable, last} of luns) {
      if (lun > 1) continue;
      this.lunTexts[lun].textContent = last ? `has ${durable} of ${last}` : owner ? `of ${owner}` : 'of nobody';
      for (const node of nodes) {
        const {path} = this.links.get(`${node}.fs_cache lun${lun}`);
        path.classList.toggle('owned', owner === node);
      }
      this.owners.set(lun, owner);
    }
  }

  /// Nothing is known of the stores and the LUNs.
  unknown() {
    for (const {holds, box} of this.layers.values()) {
      holds.textContent = '';
      box.classList.remove('full');
    }
    for (const text of this.lunTexts) text.textContent = '';
    for (const {path} of this.links.values()) path.classList.remove('owned');
  }

  hold(place, count, of) {
    const {holds, box} = this.layers.get(place);
    holds.textContent = count ? `${count} ${of}` : 'empty';
    box.classList.toggle('full', count > 0);
  }

  /// What the nodes say of themselves.
  cluster(status) {
    for (const each of status.nodes) {
      const head = this.heads[each.name];
      if (!head) continue;
      const owns = each.owns?.length ? `owns ${each.owns.join(', ')}` : 'owns nothing';
      head.about.textContent = each.state === 'up'
        ? `up, ${owns}, ${each.degraded ? 'degraded' : each.mirroring ? 'mirrored' : 'not mirrored'}` : each.state;
      head.clients.textContent = each.connections ? `${each.connections} SMB client${each.connections > 1 ? 's' : ''}` : 'SMB clients';
    }
  }

  /// Messages of these points; more than can be seen are not shown.
  pass(points) {
    const seen = points.map((point) => this.flight(point)).filter(Boolean);
    if (!seen.length) return;
    const room = Math.max(0, kMaxFlights - this.flights.length);
    const shown = seen.slice(0, room);
    const gap = Math.min(kGapMs, kSpreadMs / shown.length);
    const start = performance.now();
    shown.forEach((flight, i) => this.flights.push({...flight, start: start + i * gap}));
    for (const {link} of seen.slice(room)) this.touch(link.path);
    if (!this.moving && this.flights.length) requestAnimationFrame((now) => this.move(now));
    this.moving = this.flights.length > 0;
  }

  flight(point) {
    let ends = endsOf(point);
    if (point.step === 414) ends = [`${point.node}.fs_cache`, `lun${point.lun}`];
    else if (!ends || point.hop.endsWith('_in')) return null;
    const link = this.links.get(ends.join(' '));
    return link && {link, kind: kindOf(point), text: operationOf(point)};
  }

  touch(path) {
    path.classList.add('busy');
    clearTimeout(path.calm);
    path.calm = setTimeout(() => path.classList.remove('busy'), kFlightMs);
  }

  move(now) {
    for (const flight of this.flights) {
      const part = (now - flight.start) / kFlightMs;
      if (part < 0) continue;
      if (!flight.mark && part < 1) this.launch(flight);
      if (part >= 1) {
        flight.over = true;
        flight.mark?.remove();
      } else if (!still.matches) {
        const length = flight.link.path.getTotalLength();
        const at = flight.link.path.getPointAtLength(length * (flight.link.turned ? 1 - part : part));
        flight.mark.setAttribute('transform', `translate(${at.x} ${at.y})`);
      }
    }
    this.flights = this.flights.filter((flight) => !flight.over);
    this.moving = this.flights.length > 0;
    if (this.moving) requestAnimationFrame((later) => this.move(later));
  }

  launch(flight) {
    this.touch(flight.link.path);
    flight.mark = svg('g', {class: `flight ${flight.kind}`});
    if (still.matches) return;
    flight.mark.append(svg('circle', {r: 8}));
    const {path} = flight.link;
    if (flight.start - (path.labelled ?? -kLabelMs) >= kLabelMs) {
      path.labelled = flight.start;
      flight.mark.append(svg('text', {x: 12, y: -8}, flight.text));
    }
    this.air.append(flight.mark);
  }

  /// The links that an operation has come along.
  trail(points) {
    for (const {path} of this.links.values()) path.classList.remove('trail');
    for (const point of points) {
      const ends = endsOf(point);
      this.links.get(ends?.join(' '))?.path.classList.add('trail');
    }
  }

  /// The link of a point that is looked back at; nothing: none.
  markLink(point) {
    this.then?.classList.remove('then');
    this.then = point && this.links.get(endsOf(point)?.join(' '))?.path;
    this.then?.classList.add('then');
  }
}
