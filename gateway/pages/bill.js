/** The bill: what the guest has written down and not sent yet. */

import { newKey } from './api.js';
import { h, keepFocus, syncChildren } from './dom.js';
import { money } from './format.js';
import { t } from './guest_words.js';
import { MOST, priceOf, stepper } from './menu.js';

const KEPT_AS = 'brigade-bill';
const MOST_NOTE_CHARACTERS = 500;

/** @typedef {{sku: string, quantity: number, options: string[]}} Line */

/** What an order or a bill is about, to be compared. */
export function contentOf({ items, note }) {
  return JSON.stringify([items.map((it) => [it.sku, it.quantity, it.options]), note.trim()]);
}

export class Bill {
  /** @type {Line[]} */
  lines = [];
  note = '';
  /**
   * @type {{id: string, number: number|null, version: number, was: string}|null} the order that is
   *   changed, and its content before
   */
  changes = null;
  /** @type {{lines: Line[], note: string}|null} what was written down before an order was changed */
  draft = null;
  /** The Idempotency-Key: the same until the content changes, so that sending twice orders once. */
  key = newKey();

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    try {
      const { lines, note, changes, draft, key } = JSON.parse(sessionStorage.getItem(KEPT_AS));
      Object.assign(this, { lines, note, changes, draft, key });
    } catch {
      // Nothing is kept, or nothing that can be read.
    }
  }

  /** @param {Line} line */
  add(line) {
    this.#write(line);
    this.#changed();
  }

  /** One line for one dish with the same options. */
  #write({ sku, quantity, options }) {
    const same = this.lines.find((line) => line.sku === sku && line.options.join() === options.join());
    if (same) same.quantity = Math.min(MOST, same.quantity + quantity);
    else this.lines.push({ sku, quantity, options });
  }

  setQuantity(index, quantity) {
    if (quantity > 0) this.lines[index].quantity = quantity;
    else this.lines.splice(index, 1);
    this.#changed();
  }

  setNote(note) {
    this.note = note;
    this.key = newKey();
    this.#keep();
  }

  /** Starts from an order's content, to change that order; what stood here comes back afterwards. */
  change(order) {
    if (!this.changes) this.draft = { lines: this.lines, note: this.note };
    this.lines = [];
    this.note = order.note;
    order.items.forEach((line) => this.#write(line));
    const { id, number, version } = order;
    this.changes = { id, number, version, was: contentOf(order) };
    this.#changed();
  }

  /** Writes down an order's content once more, below what stands here. */
  repeat(order) {
    if (this.changes) this.done();
    this.note ||= order.note;
    order.items.forEach((line) => this.#write(line));
    this.#changed();
  }

  /** It was sent, or the changes were dropped. */
  done() {
    const { lines, note } = (this.changes && this.draft) ?? { lines: [], note: '' };
    Object.assign(this, { lines, note, changes: null, draft: null });
    this.#changed();
  }

  clear() {
    this.draft = null;
    this.done();
  }

  /** The order that is changed moved on meanwhile. */
  learn(order) {
    Object.assign(this.changes, { version: order.version, was: contentOf(order) });
    this.#keep();
  }

  /** How many of each dish: sku → count. */
  get counts() {
    const counts = new Map();
    for (const { sku, quantity } of this.lines) counts.set(sku, (counts.get(sku) ?? 0) + quantity);
    return counts;
  }

  get count() {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0);
  }

  /** The body of `POST /order` and `PUT /order/{id}`. */
  get body() {
    return { items: this.lines, note: this.note.trim() };
  }

  #changed() {
    this.key = newKey();
    this.#keep();
    this.onChange();
  }

  #keep() {
    const { lines, note, changes, draft, key } = this;
    sessionStorage.setItem(KEPT_AS, JSON.stringify({ lines, note, changes, draft, key }));
  }
}

/** The bill as a ticket: a column beside the menu, a bar that opens on a phone. */
export class BillView {
  #isSending = false;
  #problem = '';
  #whyNot = '';

  /**
   * @param {Bill} bill
   * @param {import('./menu.js').Menu} menu
   * @param {{onSend: () => Promise<void>, onDrop: () => void}} actions
   */
  constructor(bill, menu, { onSend, onDrop }) {
    this.bill = bill;
    this.menu = menu;
    this.onSend = onSend;

    this.count = h('span');
    this.sum = h('b');
    this.bar = h(
      'button.bill-bar',
      { 'aria-expanded': 'false', onclick: () => this.#open(!this.#isOpen) },
      this.count,
      this.sum,
      h('span.sign.unfolds', { 'aria-hidden': 'true' }),
    );
    this.title = h('h2', { tabindex: '-1' });
    this.empty = h('p.empty', t.emptyBill);
    this.lines = h('ul.lines');
    this.note = h('textarea', {
      rows: '2',
      maxlength: String(MOST_NOTE_CHARACTERS),
      placeholder: t.noteHint,
      oninput: () => bill.setNote(this.note.value),
    });
    this.noteLabel = h('label.note', t.note, this.note);
    this.total = h('b');
    this.totalRow = h('p.total', h('span', t.total), this.total);
    this.error = h('p.error', { role: 'alert' });
    this.hint = h('p.hint', { role: 'status' });
    this.button = h('button.primary.wide', {
      data: { key: 'send' },
      onclick: () => this.#send(),
    });
    this.drop = h('button.link', { onclick: onDrop }, t.dropChanges);
    this.element = h(
      'aside.bill',
      {
        'aria-label': t.bill,
        onkeydown: ({ key }) => key === 'Escape' && this.#isOpen && (this.shut(), this.bar.focus()),
      },
      this.bar,
      h(
        'div.ticket-shadow',
        h(
          'div.ticket',
          [this.title, this.empty, this.lines, this.noteLabel, this.totalRow],
          [this.error, this.hint, this.button, this.drop],
        ),
      ),
    );
    this.render();
  }

  /** Shows what went wrong with sending, '' for nothing. */
  complain(problem) {
    this.#problem = problem;
    if (problem) this.#open(true);
    this.render();
  }

  /** Says why it can't be sent now, '' when it can. */
  setWhyNot(words) {
    if (words === this.#whyNot) return;
    this.#whyNot = words;
    this.render();
  }

  /** Shows both as they are now; what did not change stays, the caret too. */
  render() {
    const { bill } = this;
    const { currency } = this.menu.menu;
    const total = bill.lines.reduce((sum, line) => sum + this.#lineTotal(line), 0);
    const price = money(total, currency);
    const isEmpty = bill.count === 0;
    this.count.textContent = isEmpty ? t.bill : t.dishes(bill.count);
    this.sum.textContent = price;
    this.title.textContent = bill.changes ? t.changing(bill.changes.number) : t.bill;
    keepFocus(this.lines, () =>
      syncChildren(
        this.lines,
        bill.lines.map((line, index) => this.#lineView(line, index)),
        ({ key }) => key,
        (line, isNew) => this.#line(line, isNew),
      ),
    );
    this.empty.hidden = !isEmpty;
    this.noteLabel.hidden = isEmpty;
    if (this.note.value !== bill.note) this.note.value = bill.note;
    this.totalRow.hidden = isEmpty;
    this.total.textContent = price;
    this.error.textContent = this.#problem;
    this.hint.textContent = isEmpty ? '' : this.#whyNot;
    this.button.disabled = isEmpty || this.#isSending || this.#whyNot !== '';
    this.button.textContent = this.#isSending
      ? t.ordering
      : (bill.changes ? t.saveOrder : t.order) + (total ? ` · ${price}` : '');
    this.drop.hidden = !bill.changes;
  }

  /** On a phone: back to a bar. */
  shut() {
    this.#open(false);
  }

  get #isOpen() {
    return this.element.classList.contains('open');
  }

  #open(isOpen) {
    this.element.classList.toggle('open', isOpen);
    this.bar.setAttribute('aria-expanded', String(isOpen));
  }

  #lineTotal({ sku, quantity, options }) {
    const dish = this.menu.dishes.get(sku);
    return dish ? priceOf(dish, options) * quantity : 0;
  }

  #lineView(line, index) {
    const dish = this.menu.dishes.get(line.sku);
    return {
      key: `${line.sku} ${line.options}`,
      index,
      name: dish?.name ?? line.sku,
      quantity: line.quantity,
      options: line.options.join(', '),
      isGone: !dish?.available,
      price: money(this.#lineTotal(line), this.menu.menu.currency),
    };
  }

  #line({ key, index, name, quantity, options, isGone, price }, isNew) {
    return h(
      `li.line${isGone ? '.gone' : ''}${isNew ? '.is-new' : ''}`,
      h('span.what', name, isGone && h('em.sold-out', t.soldOut), options && h('small', options)),
      h('span.price', price),
      stepper({
        name,
        value: quantity,
        key: `line-${key}`,
        onChange: (value) => {
          this.bill.setQuantity(index, value);
          this.#refocus(index);
        },
      }),
    );
  }

  /** The line that had the focus is gone: the next one has it, or what is above them. */
  #refocus(index) {
    if (document.activeElement !== document.body) return;
    const near = this.lines.children[Math.min(index, this.lines.children.length - 1)];
    const stay = near?.querySelector('button') ?? (this.bar.checkVisibility() ? this.bar : this.title);
    stay.focus();
  }

  async #send() {
    this.#isSending = true;
    this.#problem = '';
    this.render();
    try {
      await this.onSend();
    } finally {
      this.#isSending = false;
      this.render();
    }
  }
}
