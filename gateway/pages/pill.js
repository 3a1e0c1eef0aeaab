/** The connection pill: how fresh what the page shows is, always in the same corner. */

import { h } from './dom.js';
import { clockTime } from './format.js';
import { t } from './words.js';

/** @returns {(freshness: import('./live.js').Freshness) => void} shows a freshness in `host` */
export function connectionPill(host) {
  const text = h('span');
  const pill = h('p.pill', { role: 'status' }, h('i', { 'aria-hidden': 'true' }), text);
  let shown = '';
  return (freshness) => {
    const words =
      freshness.kind === 'as-of' ? t.asOf(clockTime(freshness.at)) : t[freshness.kind];
    if (!pill.isConnected) host.replaceChildren(pill);
    if (words === shown) return;
    shown = words;
    pill.dataset.kind = freshness.kind;
    text.textContent = words;
  };
}
