// The last points: as a list to follow an operation from, and as a time line to look back along.
import {byId, html, svg} from './make.js';
import {isHeartbeat, kindOf, nodes, operationOf, placeOf, sideOf} from './points.js';

const kKept = 400;
const kListed = 60;
const kLayers = ['netstack', 'ff_driver', 'fs_cache', 'rd_driver', 'mirror_server', 'cluster_app'];
const kLane = 11;
const kLabels = 128;
const kWide = 1800;

export class Passed {
  /// `look(point)`: one is looked back at, or nothing any more; `follow(point)`: its operation is followed.
  /// `whole`: all points are kept, and one is always looked at, where stand() says.
  constructor({look, follow, whole = false}) {
    this.whole = whole;
    this.points = [];
    this.last = 0;
    this.at = null;  // number of the point that is looked back at
    this.look = look;
    this.lanes = nodes.flatMap((node) => kLayers.map((layer) => `${node}.${layer}`));
    this.list = byId('points');
    this.slider = byId('cursor');
    this.draw();
    this.slider.addEventListener('input', () => this.go(this.points[Number(this.slider.value)]));
    byId('now')?.addEventListener('click', () => this.go(null));
    byId('all').addEventListener('change', () => this.paint());
    this.list.addEventListener('keydown', (event) => this.key(event, follow));
    this.list.addEventListener('click', (event) => {
      const point = this.points.find((each) => `p${each.number}` === event.target.closest('[role=option]')?.id);
      if (!point) return;
      this.go(point);
      follow(point);
    });
    this.lines.addEventListener('click', (event) => {
      const box = this.lines.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * kWide;
      const shown = this.shown();
      const i = Math.round((x - kLabels) / this.gap(shown.length));
      if (i >= 0 && i < shown.length) this.go(shown[i]);
    });
  }

  draw() {
    const height = this.lanes.length * kLane + 4;
    this.lines = svg('svg', {viewBox: `0 0 ${kWide} ${height}`, 'aria-hidden': 'true'});
    this.lanes.forEach((place, i) => {
      const y = i * kLane + 7;
      this.lines.append(svg('text', {x: 4, y: y + 4, class: sideOf(place.split('.')[0])}, place));
      this.lines.append(svg('path', {d: `M${kLabels} ${y}H${kWide}`, class: 'lane'}));
    });
    this.cursor = svg('path', {class: 'cursor'});
    this.marks = svg('g');
    this.lines.append(this.cursor, this.marks);
    byId('back').append(this.lines);
  }

  add(points) {
    for (const point of points) this.points.push({number: ++this.last, ...point});
    if (this.whole) return;
    if (this.at !== null) {  // what is looked at stays, as long as there is room
      const first = this.points.findIndex((each) => each.number === this.at);
      this.points.splice(0, Math.min(first, this.points.length - kKept > 0 ? this.points.length - kKept : 0));
      this.points.length = Math.min(this.points.length, 2 * kKept);
    } else {
      const quiet = this.points.filter((each) => !isHeartbeat(each));
      const from = quiet.length > kKept ? quiet.at(-kKept).number : 0;
      const recent = this.points.at(-kKept)?.number ?? 0;
      this.points = this.points.filter((each) => isHeartbeat(each) ? each.number >= recent : each.number >= from);
    }
    this.paintSoon();
  }

  paintSoon() {
    if (this.soon) return;
    this.soon = setTimeout(() => {
      this.soon = 0;
      this.paint();
    }, 150);
  }

  shown() {
    const all = byId('all').checked;
    const shown = this.points.filter((each) => all || !isHeartbeat(each) || each.number === this.at);
    return this.whole ? shown : shown.slice(-kKept);
  }

  gap(count) {
    return (kWide - kLabels - 14) / Math.max(60, count);
  }

  paint() {
    const shown = this.shown();
    const at = shown.findIndex((each) => each.number === this.at);
    this.paintList(shown, at);
    const gap = this.gap(shown.length);
    this.marks.replaceChildren(...(shown.length > kKept ? this.thin(shown, gap) : shown.map((point, i) => {
      const lane = this.lanes.indexOf(placeOf(point));
      const x = kLabels + 6 + i * gap;
      const y = lane * kLane + 7;
      const chosen = this.followed?.is(point) ? ' followed' : '';
      return point.step ? svg('rect', {x: x - 4, y: y - 4, width: 8, height: 8, class: `step${chosen}`})
        : svg('circle', {cx: x, cy: y, r: chosen ? 5 : 3, class: kindOf(point) + chosen});
    })));
    const x = kLabels + 6 + at * gap;
    this.cursor.setAttribute('d', at < 0 ? '' : `M${x} 0V${this.lanes.length * kLane + 4}`);
    this.slider.max = Math.max(0, this.points.length - 1);
    const index = this.points.findIndex((each) => each.number === this.at);
    this.slider.value = index < 0 ? this.slider.max : index;
    const text = this.whole ? this.points[index] ? `${this.at}: ${lineOf(this.points[index])}` : 'no points'
      : index < 0 ? 'now' : `${this.points.length - 1 - index} points ago: ${lineOf(this.points[index])}`;
    this.slider.setAttribute('aria-valuetext', text);
    byId('at').textContent = text;
    byId('now')?.setAttribute('aria-disabled', String(index < 0));
  }

  /// Marks of more points than there is room for: a path for all of a kind.
  thin(shown, gap) {
    const paths = {};
    shown.forEach((point, i) => {
      const kind = `${kindOf(point)}${this.followed?.is(point) ? ' followed' : ''}`;
      const y = this.lanes.indexOf(placeOf(point)) * kLane + 7;
      (paths[kind] ??= []).push(`M${(kLabels + 6 + i * gap).toFixed(1)} ${y - 4}v8`);
    });
    return Object.entries(paths).map(([kind, d]) => svg('path', {d: d.join(''), class: `thin ${kind}`}));
  }

  paintList(shown, at) {
    const end = at < 0 ? shown.length : Math.min(shown.length, Math.max(kListed, at + kListed / 2));
    const rows = shown.slice(Math.max(0, end - kListed), end).map((point) => html('div', {
      id: `p${point.number}`, role: 'option', 'aria-selected': String(point.number === this.at),
      class: `${kindOf(point)}${this.followed?.is(point) ? ' followed' : ''}`},
      html('span', {class: sideOf(point.node)}, placeOf(point)),
      html('span', {title: point.title}, point.step ? `STEP ${point.step}` : point.title),
      html('span', {}, operationOf(point))));
    this.list.replaceChildren(...rows);
    if (!rows.length) this.list.replaceChildren(html('div', {role: 'option', 'aria-selected': 'false', class: 'none'}, 'None yet'));
    if (at < 0) {
      this.list.removeAttribute('aria-activedescendant');
      this.list.scrollTop = this.list.scrollHeight;
    } else {
      this.list.setAttribute('aria-activedescendant', `p${this.at}`);
      const row = byId(`p${this.at}`);
      if (row) this.list.scrollTop = row.offsetTop - this.list.clientHeight / 2;
    }
  }

  key(event, follow) {
    const shown = this.shown();
    const at = shown.findIndex((each) => each.number === this.at);
    const from = at < 0 ? shown.length - 1 : at;
    const to = {ArrowUp: at < 0 ? from : from - 1, ArrowDown: from + 1, Home: 0, End: shown.length - 1}[event.key];
    if (to !== undefined && shown[to]) this.go(shown[to]);
    if (event.key === 'Enter' && at >= 0) follow(shown[at]);
    if (event.key === 'Escape') this.go(null);
    if (to !== undefined || event.key === 'Enter') event.preventDefault();
  }

  /// Looks at a point that was; nothing: at what is.
  go(point) {
    if (this.whole) return point && this.look(point);
    this.at = point?.number ?? null;
    this.look(point ?? null);
    this.paint();
  }

  stand(number) {
    this.at = number;
    this.paint();
  }

  follow(followed) {
    this.followed = followed;
    this.paint();
  }
}

export function lineOf(point) {
  return `${placeOf(point)} ${point.title}`;
}
