/** A ticket as cooks read it from two metres: quantity before name, and one next action. */

import { h } from './dom.js';
import { t } from './kitchen_words.js';

/** A longer note is shown in part: the ticket's button has to stay within reach. */
const LONG_NOTE = 150;

/**
 * @typedef {Object} TicketView all that a ticket shows
 * @property {string} id
 * @property {number} number
 * @property {string} status
 * @property {Object[]} lines with `mark` where a change struck or added one
 * @property {number} elsewhere dishes for other stations
 * @property {string} note
 * @property {{words: string, band: string}} lateness
 * @property {boolean} held
 * @property {boolean} isGuess its status is the timer's word, and no cook's
 * @property {boolean} isNext it is the one to be started next
 * @property {'changed'|'voided'|null} flag
 * @property {string|null} reason
 * @property {boolean} isFaded it is not what is searched for
 * @property {boolean} isSending
 * @property {{words: string, seconds: number}|null} leaving what happens unless it is undone
 */

/**
 * @param {TicketView} view
 * @param {{onAct: (id: string) => void, onRecall: (id: string) => void,
 *   onVoid: (id: string) => void, onSeen: (id: string) => void,
 *   onNote: (id: string) => void}} taps
 * @param {boolean} isNew
 */
export function kitchenTicket(view, taps, isNew) {
  const { id, number, status, lateness, leaving } = view;
  const small = (words, onTap) =>
    h('button.small', { onclick: () => onTap(id) }, words);
  const classes = [
    'card',
    `is-${lateness.band}`,
    view.flag && `is-${view.flag}`,
    view.isFaded && 'is-faded',
    leaving && 'is-leaving',
    view.isGuess && 'is-guess',
    isNew && 'is-new',
  ].filter(Boolean);
  return h(
    `li.${classes.join('.')}`,
    { data: { number } },
    h(
      'article.ticket',
      { 'aria-labelledby': `ticket-${id}` },
      h(
        'header',
        h('h3.number', { id: `ticket-${id}` }, number),
        h(
          'p.due',
          lateness.words,
          view.isNext && h('b.next', t.next),
          view.held && h('b', t.held),
          view.isGuess && h('span.by-timer', t.byTimer),
        ),
        !leaving &&
          status !== 'cancelled' &&
          h(
            'span.acts',
            status === 'ready' && small(t.recall, taps.onRecall),
            small(t.voidTicket, taps.onVoid),
          ),
      ),
      view.flag && flag(view, taps),
      h('ul', view.lines.map(line)),
      view.elsewhere > 0 && h('p.elsewhere', t.elsewhere(view.elsewhere)),
      view.note && note(view, taps),
      foot(view, taps),
    ),
  );
}

function flag({ id, flag: kind, reason, status }, taps) {
  return h(
    'p.flag',
    h('b', kind === 'voided' ? t.voidedFlag : t.changedFlag),
    reason && h('span', reason),
    status !== 'cancelled' &&
      h('button.small', { onclick: () => taps.onSeen(id) }, t.gotIt),
  );
}

function line({ quantity, name, options, mark }) {
  const content = [
    h('b.times', quantity, h('span', '×')),
    h('span', name, options.map((option) => h('small', option))),
  ];
  const tag = { gone: 'del', added: 'ins' }[mark] ?? 'div';
  return h('li', h(tag, content));
}

function note({ id, note: words }, taps) {
  if (words.length <= LONG_NOTE) return h('p.note-strip', words);
  return h(
    'button.note-strip',
    { 'aria-haspopup': 'dialog', onclick: () => taps.onNote(id) },
    h('span', words),
  );
}

function foot({ id, status, isSending, leaving }, taps) {
  const words = leaving ? t.undo(leaving.seconds) : isSending ? t.sending : (t.taps[status] ?? t.gotIt);
  return h(
    'button.foot',
    {
      data: { key: id, act: leaving ? 'undo' : status },
      'aria-busy': isSending ? 'true' : null,
      'aria-describedby': `ticket-${id}`,
      onclick: () => taps.onAct(id),
    },
    leaving && h('small', leaving.words),
    words,
  );
}

/**
 * Makes one of `cards` the selected one: Tab comes to its buttons, and to no other ticket's. It is
 * changed in place, for a button that is replaced while a finger is on it takes no tap.
 */
export function select(cards, id) {
  for (const card of cards) {
    const isSelected = card.dataset.item === id;
    card.classList.toggle('is-selected', isSelected);
    for (const button of card.querySelectorAll('button')) button.tabIndex = isSelected ? 0 : -1;
  }
}
