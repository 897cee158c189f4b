// The ledger, and what lies in the caches and mirror stores of both nodes.
import {byId, html} from './make.js';
import {nodes, other, sideOf} from './points.js';

/// Of the ledger's operations: those that lie in each node's cache. {a: {count, newest}}
export function cachedOf({ledger}) {
  const cached = {};
  for (const node of nodes) {
    const lists = ledger.luns.map((lun) => lun.operations);
    const newest = ledger.luns.flatMap((lun) => lun.operations.newest
      .filter((each) => each.cache.includes(node)).map((each) => ({...each, lun: lun.lun})));
    // Of operations that are left out it is not known where they are; their owner has them.
    const older = ledger.luns.filter((lun) => lun.owner === node)
      .reduce((sum, lun) => sum + lun.operations.count - lun.operations.newest.length, 0);
    cached[node] = {count: lists.length ? newest.length + older : 0, newest};
  }
  return cached;
}

export class Stores {
  constructor() {
    this.lost = {};
    this.lists = {};
    for (const node of nodes) {
      const value = html('dd', {});
      byId('lost').append(html('div', {class: sideOf(node)}, html('dt', {}, `Lost if ${node} died now`), value));
      this.lost[node] = value;
      this.list(`cache ${node}`, `Cache of ${node}`, node);
      this.list(`mirror ${node}`, `${node}’s copies of ${other(node)}`, node);
    }
  }

  list(key, title, node) {
    const count = html('span', {class: 'count'});
    const all = html('ol', {tabindex: '0', 'aria-label': title});
    byId('stores').append(html('div', {class: `store ${sideOf(node)}`}, html('h3', {}, title, ' ', count), all));
    this.lists[key] = {all, count};
  }

  show(stores) {
    const {ledger, mirror} = stores;
    for (const node of nodes) {
      const {count, newest} = ledger.lost_with[node];
      const value = this.lost[node];
      value.textContent = count === 0 ? 'nothing'
        : `${count} acknowledged: ${newest.slice(-3).map((each) => `LUN ${each.lun}, LSN ${each.lsn}`).join('; ')}`;
      value.classList.toggle('loss', count !== 0);
      value.classList.remove('unknown');
    }
    byId('luns').textContent = ledger.luns.map((lun) => lun.owner
      ? `LUN ${lun.lun}: owner ${lun.owner}, epoch ${lun.epoch}, operations up to ${lun.last}, on the medium up to ${lun.durable}.`
      : `LUN ${lun.lun}: nobody has it.`).join(' ');
    const acknowledged = new Set(ledger.luns.flatMap((lun) => lun.operations.newest
      .filter((each) => each.acknowledged).map((each) => `${lun.lun} ${each.lsn}`)));
    const cached = cachedOf(stores);
    for (const node of nodes) {
      this.fill(`cache ${node}`, cached[node], acknowledged);
      this.fill(`mirror ${node}`, mirror[node], acknowledged);
    }
  }

  unknown() {
    for (const value of Object.values(this.lost)) {
      value.textContent = 'not known';
      value.classList.remove('loss');
      value.classList.add('unknown');
    }
    byId('luns').textContent = '';
    for (const {all, count} of Object.values(this.lists)) {
      count.textContent = '';
      all.replaceChildren(html('li', {class: 'none'}, 'not known'));
    }
  }

  fill(key, {count, newest}, acknowledged) {
    const list = this.lists[key];
    list.count.textContent = count;
    list.all.replaceChildren(...newest.toReversed().map((each) => html('li', {},
      html('b', {}, `${each.lun}/${each.lsn}`), ` ${each.what}`,
      ...(acknowledged.has(`${each.lun} ${each.lsn}`) ? [html('span', {class: 'done', title: 'acknowledged'}, ' ✓')] : []))));
    if (count === 0) list.all.replaceChildren(html('li', {class: 'none'}, 'empty'));
    if (count > newest.length) list.all.append(html('li', {class: 'none'}, `and ${count - newest.length} older`));
  }
}
