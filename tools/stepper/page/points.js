// Trace points as the server tells them, and what can be said of one.

/// What nobody wants to see ten times a second: heartbeats, pings.
export const isHeartbeat = (point) => point.heartbeat === true;

export const placeOf = (point) => `${point.node}.${point.layer}`;

/// The two nodes, by the names of cluster.toml.
export const nodes = [];
export const other = (node) => nodes[nodes[0] === node ? 1 : 0];
/// 'a' stands on the left, 'b' on the right, whatever they are called.
export const sideOf = (node) => (node === nodes[0] ? 'a' : 'b');

/// Where a hop comes from and goes to; nothing for a STEP.
export function endsOf(point) {
  if (!point.hop) return null;
  const here = placeOf(point);
  const there = `${point.hop.startsWith('message') ? other(point.node) : point.node}.${point.neighbour}`;
  return point.hop.endsWith('_out') ? [here, there] : [there, here];
}

export function kindOf(point) {
  if (!/^STATUS_(SUCCESS|PENDING)$/.test(point.status)) return 'failed';
  if (!point.hop) return 'step';
  return point.hop.replace(/_.*/, '');
}

export function operationOf(point) {
  let text = point.major;
  if (point.lsn) text += ` lsn ${point.lsn}`;
  if (point.name) text += ` ‘${point.name}’`;
  if (kindOf(point) === 'failed') text += ` ${point.status.replace('STATUS_', '')}`;
  return text;
}

/// An operation, followed wherever it is: by its IRP on its node, and everywhere by its LSN.
export class Followed {
  constructor(point) {
    this.node = point.node;
    this.irp = point.irp;
    this.lun = point.lun;
    this.lsn = point.lsn;
  }

  is(point) {
    if (this.irp && point.node === this.node && point.irp === this.irp) return true;
    return this.lsn !== 0 && point.lsn === this.lsn && point.lun === this.lun;
  }

  learn(point) {
    if (!this.is(point) || this.lsn || !point.lsn) return;
    this.lsn = point.lsn;
    this.lun = point.lun;
  }

  text() {
    return this.lsn ? `LUN ${this.lun}, LSN ${this.lsn}` : `IRP ${this.irp} of ${this.node}`;
  }
}
