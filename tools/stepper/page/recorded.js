// A recording as the source of what the page shows, as live.js is: it stands in the page as data (export_page.cpp), and
// is stepped through as by Replay and Judge. Nothing can be changed in it.
import {Followed, placeOf} from './points.js';

const kShown = 40;  // of the points passed on the way, so many are seen to move
const kLayers = ['netstack', 'ff_driver', 'fs_cache', 'rd_driver', 'mirror_server', 'cluster_app'];

export function recorded(data) {
  const recording = new Recorded(data);
  return {
    kind: 'recorded',
    command: async (text) => recording.run(text),
    listen: (hear) => recording.listen(hear),
  };
}

/// Follows as Judge does: from its first IRP on, within one epoch.
class Operation extends Followed {
  constructor(point) {
    super(point);
    this.epoch = point.epoch;
    this.visited = new Set();
  }

  is(point) {
    if (this.irp && point.node === this.node && point.irp === this.irp) return true;
    return this.lsn !== 0 && point.lsn === this.lsn && point.lun === this.lun &&
      (point.epoch === this.epoch || !point.epoch || !this.epoch);
  }

  learn(point) {
    if (!this.irp && point.irp) {
      this.irp = point.irp;
      this.node = point.node;
    }
    if (!this.lsn && point.lsn) {
      this.lsn = point.lsn;
      this.lun = point.lun;
      this.epoch = point.epoch;
    }
    this.visited.add(placeOf(point));
  }
}

const isFig3 = (point) => point.step >= 300 && point.step < 400;

class Recorded {
  constructor(data) {
    this.data = data;
    this.first = data.left_out + 1;
    this.points = data.points.map((point, i) => ({number: this.first + i, ...point}));
    this.stops = new Map();  // by number: of several the first, a rule before all
    for (const stop of data.stops) {
      const there = this.stops.get(stop.number);
      if (!there || (stop.why === 'rule' && there.why !== 'rule')) this.stops.set(stop.number, stop);
    }
    this.breakpoints = [];
    this.lastBreakpoint = 0;
    this.operation = null;
    this.layers = data.nodes.flatMap((node) => kLayers.map((layer) => ({place: `${node}.${layer}`, does: 'not known'})));
    const rule = data.stops.find(({why}) => why === 'rule');
    this.at = rule ? rule.number - this.first : 0;
    this.why = this.stopText(this.points[this.at]);
    if (rule) this.follow(this.points[this.at]);
  }

  listen(hear) {
    this.hear = hear;
    this.tellState();
    hear.about({text: this.data.about});
    hear.all({points: this.points});
    if (this.points.length) this.tell([]);
  }

  tellState() {
    const point = this.points[this.at];
    const shown = point && this.snapshot(point);
    this.hear.state({stopped: 'recorded', at: point, why: this.why, count: this.data.count, breakpoints: this.breakpoints,
      layers: this.layers.map((each) => shown?.layers.find(({place}) => place === each.place) ?? each),
      irp: point && this.data.irps[point.number], may_go_back: this.at > 0, may_go_on: this.at + 1 < this.points.length});
  }

  tell(passed) {
    const point = this.points[this.at];
    const shown = this.snapshot(point);
    this.tellState();
    this.hear.stand({point, passed: passed.slice(-kShown), steps: this.steps(), stores: shown?.stores, as_of: shown?.number,
      operation: this.operation});
  }

  /// The last one before, or at, this point.
  snapshot(point) {
    return this.data.snapshots.findLast(({number}) => number <= point.number);
  }

  /// How often each STEP had been passed: {"a 408": 3}
  steps() {
    const steps = {...this.data.steps_before};
    for (const point of this.points.slice(0, this.at + 1)) {
      if (!point.step) continue;
      const key = `${point.node} ${point.step}`;
      steps[key] = (steps[key] ?? 0) + 1;
    }
    return steps;
  }

  stopText(point) {
    const stop = point && this.stops.get(point.number);
    return stop ? stop.text || `It stood here: ${stop.why}` : '';
  }

  stand(at, why) {
    const passed = this.points.slice(this.at + 1, at + 1);
    this.at = at;
    this.why = why;
    this.tell(passed);
    return {ok: true, text: `Point ${this.points[at].number}: ${placeOf(this.points[at])} ${this.points[at].title}. ${why}`, data: {}};
  }

  run(command) {
    const [name, argument] = command.split(' ');
    const number = Number(argument);
    if (name === 'break') this.breakpoints = [...this.breakpoints, {number: ++this.lastBreakpoint, text: argument}];
    else if (name === 'delete') this.breakpoints = this.breakpoints.filter((each) => each.number !== number);
    else if (!this.points.length) return refused('The recording has no points.');
    else return this.move(name, argument);
    this.tellState();
    return {ok: true, text: name === 'break' ? `Breakpoint ${this.lastBreakpoint}: STEP ${argument}` : `Breakpoint ${number} is gone`, data: {}};
  }

  move(name, argument) {
    if (name === 'goto') {
      const at = Number(argument) - this.first;
      if (!this.points[at]) return refused(`There is no point ${argument}.`);
      this.operation = null;
      return this.stand(at, this.stopText(this.points[at]));
    }
    if (name === 'back' && argument === undefined)
      return this.at ? this.stand(this.at - 1, this.stopText(this.points[this.at - 1])) : refused('This is the first point.');
    if (name === 'back') return this.go('step', -1) ?? refused('There is no STEP of this operation before.');
    return this.go(name, 1) ?? this.stand(this.points.length - 1, 'The recording ends here.');
  }

  /// To where it stops next in that direction, by 1 or -1; nothing if it does not.
  go(how, by) {
    const from = this.points[this.at];
    if (how === 'continue') this.operation = null;
    else this.follow(from);
    for (let i = this.at + by; this.points[i]; i += by) {
      const point = this.points[i];
      const why = this.judge(point, how, from, by);
      if (this.operation?.is(point)) this.operation.learn(point);
      if (why !== null) return this.stand(i, why);
    }
    return null;
  }

  follow(point) {
    if (!this.operation?.is(point)) this.operation = new Operation(point);
    this.operation.learn(point);
  }

  judge(point, how, from, by) {
    const hit = this.breakpoints.find(({text}) => text === String(point.step));
    if (hit) return `Breakpoint ${hit.number}`;
    if (how !== 'continue' && this.ends(point, how, from)) return this.stopText(point);
    const stop = by > 0 && this.stops.get(point.number);
    return stop && (how === 'continue' || stop.why === 'rule') ? this.stopText(point) : null;
  }

  ends(point, how, from) {
    if (how === 'step' && isFig3(from) && !from.lsn) return isFig3(point) && point.step !== 302;
    if (!this.operation.is(point)) return false;
    const moved = placeOf(point) !== placeOf(from);
    return {step: Boolean(point.step), into: moved, out: moved && this.operation.visited.has(placeOf(point))}[how];
  }
}

function refused(text) {
  return {ok: false, text, data: {}};
}
