/** Nothing stale looks fresh, on screens that hang on a wall. */

import { clockTime } from './format.js';

/**
 * Makes what is not fresh look so, over the whole page and not in the corner alone.
 *
 * @param {import('./live.js').Freshness} freshness
 * @param {(time: string) => string} say
 */
export function markStale(freshness, say) {
  const words = freshness.kind === 'as-of' ? say(clockTime(freshness.at)) : '';
  document.body.classList.toggle('is-stale', words !== '');
  if (document.body.dataset.stale !== words) document.body.dataset.stale = words;
}
