/**
 * Live events, over one connection for all tabs that follow the same thing: browsers allow six to
 * one server.
 *
 * One tab leads. It holds the EventSource, and passes on what comes by BroadcastChannel; a tab that
 * joins is told the leader's own state as a snapshot. When the leader goes, the next one resumes
 * after the last event it saw. Who leads is settled by a Web Lock; without a secure context there
 * are none, and the tabs settle it among themselves.
 */

import { whoAmI } from './api.js';
import { now } from './clock.js';

const LONGEST_PAUSE_MS = 10_000;
/**
 * Silence after which a connection counts as lost, in ms. The gateway sends heartbeats to guests
 * every 15 s, and to screens in the restaurant every 4 s.
 */
const SILENT_MS = 19_000;
export const BOARD_SILENT_MS = 7_000;
/** Older than this, what a heartbeat tells of is not live. */
const FRESH_MS = 15_000;
/** Up to this long, a broken connection is a hiccup: most are back sooner. */
export const HICCUP_MS = 3_000;
/** Without locks: so long a tab waits whether another leads already. */
const ANSWER_MS = 400;

/**
 * How fresh the page's data is. `reconnecting` lasts at most three seconds once there was data:
 * after that it is `as-of`, and never green before a heartbeat says that all services answer.
 *
 * @typedef {Object} Freshness
 * @property {'live'|'reconnecting'|'as-of'} kind
 * @property {number} [at] for `as-of`: when the data was last known to be true, in ms since 1970 by
 *   the server's clock (`now()` of clock.js)
 * @property {string[]} away the services that the gateway does not hear: `kitchen`, `order`, both
 *   or none; empty while the gateway itself is out of reach, and with `live`
 * @property {number} [since] unless `live`: when it was last live (or began to wait for the first
 *   data), by the same clock as `at`; `now() - since` is how long the guest has waited
 */

export class Live {
  /** @type {EventSource|null} */
  #source = null;
  #lastId = '';
  #failures = 0;
  #isLeader = false;
  #isClosed = false;
  #resign = () => {};
  #timer = 0;
  /** Without locks: who this is among the tabs, the least of whom leads; and when it will. */
  #rank = Math.random();
  #claim = 0;

  #isConnected = false;
  #wasLost = false;
  #heardAt = readClocks();
  /** When it was last live, by `performance.now()`; null while it is. */
  #lostAt = performance.now();
  /** When the data was last known to be true, by the server's clock; 0 before there is any. */
  #asOf = 0;
  #isStale = false;
  /** @type {string[]} the services that the gateway does not hear */
  #away = [];

  /**
   * @param {string} path of the event stream
   * @param {Object} options
   * @param {string[]} options.events the names of its events, without `heartbeat`
   * @param {string} options.who whose stream it is: tabs of different accounts share nothing; ''
   *   for a public one
   * @param {(event: string, data: Object) => void} options.onEvent
   * @param {(freshness: Freshness) => void} options.onFreshness called often, with changes or none
   * @param {() => Object|null} options.snapshot the page's state as the data of a snapshot event
   * @param {() => void} [options.onSignedOut] the session is over
   * @param {() => void} [options.onBack] the connection is back after it was lost
   * @param {() => void} [options.onUnanswered] an attempt failed before there was any data: the
   *   address may be wrong
   * @param {number} [options.silentMs] silence after which the connection counts as lost
   */
  constructor(
    path,
    {
      events,
      who,
      onEvent,
      onFreshness,
      snapshot,
      onSignedOut,
      onBack,
      onUnanswered,
      silentMs = SILENT_MS,
    },
  ) {
    this.path = path;
    this.who = who;
    this.events = events;
    this.onEvent = onEvent;
    this.onFreshness = onFreshness;
    this.snapshot = snapshot;
    this.onSignedOut = onSignedOut;
    this.onBack = onBack;
    this.onUnanswered = onUnanswered;
    this.silentMs = silentMs;

    const name = `brigade ${path} ${who}`;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => this.#hear(data);
    this.watchdog = setInterval(() => this.#check(), 1_000);
    this.wake = () => {
      if (this.#isLeader && !this.#source) this.#reopen(0);
      this.#check();
    };
    this.leave = () => this.#giveUp();
    this.lose = () => this.#isLeader && this.#reopen();
    addEventListener('online', this.wake);
    addEventListener('offline', this.lose);
    addEventListener('pagehide', this.leave);
    document.addEventListener('visibilitychange', this.wake);
    this.#stand(name, {});
    this.channel.postMessage({ hello: true });
  }

  get isOpen() {
    return !this.#isClosed;
  }

  close() {
    this.#isClosed = true;
    clearInterval(this.watchdog);
    removeEventListener('online', this.wake);
    removeEventListener('offline', this.lose);
    removeEventListener('pagehide', this.leave);
    document.removeEventListener('visibilitychange', this.wake);
    this.#stop();
    this.#resign();
    this.#giveUp();
    this.channel.close();
  }

  /** Waits for its turn to lead; with `steal`, takes it. */
  async #stand(name, options) {
    if (!navigator.locks) {
      this.#claimIn(ANSWER_MS);
      return;
    }
    try {
      await navigator.locks.request(name, options, () => {
        if (this.#isClosed) return undefined;
        this.#lead();
        return new Promise((resolve) => {
          this.#resign = resolve;
        });
      });
    } catch {
      // Another tab heard nothing of us and leads now.
      this.#stop();
      this.#isLeader = false;
      if (!this.#isClosed) this.#stand(name, {});
    }
  }

  #lead() {
    this.#isLeader = true;
    this.#open();
  }

  // Without locks

  /** Leads in a moment, unless another tab is heard to lead by then. */
  #claimIn(pause) {
    clearTimeout(this.#claim);
    this.#claim = setTimeout(() => this.#isLeader || this.#lead(), pause * (0.5 + Math.random() / 2));
  }

  /** Hears another tab that leads, or that leads no more. */
  #yieldTo(rank, isGone) {
    if (isGone) {
      this.#claimIn(ANSWER_MS);
      return;
    }
    clearTimeout(this.#claim);
    if (!this.#isLeader) return;
    if (rank < this.#rank) {
      this.#stop();
      this.#isLeader = false;
    } else this.#post({});
  }

  #giveUp() {
    clearTimeout(this.#claim);
    if (this.#isLeader && !navigator.locks) this.#post({ isGone: true });
  }

  #post(message) {
    this.channel.postMessage(navigator.locks ? message : { ...message, rank: this.#rank });
  }

  #open() {
    this.#stop();
    const url = new URL(this.path, location.href);
    if (this.#lastId) url.searchParams.set('last_event_id', this.#lastId);
    const source = new EventSource(url);
    this.#source = source;
    this.#heardAt = readClocks();
    source.onopen = () => this.#tell({ connected: true });
    source.onerror = () => this.#reopen();
    for (const event of [...this.events, 'heartbeat']) {
      source.addEventListener(event, (message) => {
        this.#failures = 0;
        this.#tell({ event, data: JSON.parse(message.data), id: message.lastEventId });
      });
    }
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#source?.close();
    this.#source = null;
  }

  /** EventSource gives up for ever on any answer but 200, so it is never left to itself. */
  #reopen(pause = Math.min(LONGEST_PAUSE_MS, 400 * 2 ** this.#failures)) {
    this.#stop();
    if (this.#isClosed) return;
    this.#failures += 1;
    if (!this.#asOf) this.onUnanswered?.();
    this.#tell({ connected: false });
    // Many browsers lose one gateway at the same instant: they must not come back at one.
    this.#timer = setTimeout(() => this.#renew(), pause * (0.5 + Math.random() / 2));
  }

  async #renew() {
    if (this.who) {
      let account;
      try {
        account = await whoAmI();
      } catch {
        if (this.#isLeader) this.#reopen();
        return;
      }
      if (this.#isClosed) return;
      if (account?.user_id !== this.who) {
        this.onSignedOut?.();
        return;
      }
    }
    if (!this.#isClosed && this.#isLeader) this.#open();
  }

  #tell(message) {
    this.#post(message);
    this.#hear(message);
  }

  #hear({ hello, rank, isGone, connected, event, data, id, asOf }) {
    if (hello) {
      if (this.#isLeader) this.#welcome();
      return;
    }
    if (rank !== undefined) this.#yieldTo(rank, isGone);
    this.#heardAt = readClocks();
    if (connected === false) {
      this.#isConnected = false;
      this.#wasLost = true;
      // Which services answer, it would have to say itself.
      this.#away = [];
    } else if (event) {
      this.#isConnected = true;
      if (this.#wasLost) this.onBack?.();
      this.#wasLost = false;
      if (id) this.#lastId = id;
      if (event === 'heartbeat') this.#learnAge(data);
      else {
        // An event is news; a snapshot may be the gateway's old knowledge of a service that is away.
        if (event !== 'snapshot' || !this.#asOf) this.#asOf = asOf ?? now();
        if (event !== 'snapshot') this.#isStale = false;
        this.onEvent(event, data);
      }
    }
    this.#report();
  }

  /** Brings a tab that has just been opened up to date, with how fresh that is. */
  #welcome() {
    const state = this.#asOf ? this.snapshot() : null;
    if (!state) {
      this.#post({});
      return;
    }
    this.#post({ event: 'snapshot', data: state, id: this.#lastId, asOf: this.#asOf });
    if (!this.#isConnected) this.#post({ connected: false });
    else this.#post({ event: 'heartbeat', data: this.#beat });
  }

  /** The last heartbeat, or what it would say. */
  get #beat() {
    return {
      as_of: this.#isStale ? null : new Date(this.#asOf).toISOString(),
      away: this.#away,
    };
  }

  #learnAge({ as_of: asOf, away = [] }) {
    this.#away = away;
    if (!asOf) {
      this.#isStale = true;
      return;
    }
    this.#asOf = Math.max(Date.parse(asOf), this.#asOf);
    this.#isStale = now() - this.#asOf > FRESH_MS;
  }

  #check() {
    if (sinceClocks(this.#heardAt) > this.silentMs) {
      // That was no hiccup: nothing came since.
      this.#lostAt = Math.min(this.#lostAt ?? Infinity, this.#heardAt.even);
      this.#heardAt = readClocks();
      this.#isConnected = false;
      if (this.#isLeader) this.#reopen(0);
      else this.#stand(this.channel.name, { steal: true });
    }
    this.#report();
  }

  #report() {
    // Before the server's time was known, ours may have been ahead of it.
    this.#asOf = Math.min(this.#asOf, now());
    const isLive = this.#isConnected && !this.#isStale && !this.#away.length && this.#asOf > 0;
    if (isLive) this.#lostAt = null;
    else if (this.#lostAt === null) {
      this.#lostAt = performance.now();
      setTimeout(() => this.#isClosed || this.#report(), HICCUP_MS);
    }
    this.onFreshness(this.#freshness());
  }

  /** @returns {Freshness} */
  #freshness() {
    if (this.#lostAt === null) return { kind: 'live', away: [] };
    const waited = performance.now() - this.#lostAt;
    const since = now() - waited;
    const away = this.#away;
    if (!this.#asOf || waited < HICCUP_MS) return { kind: 'reconnecting', away, since };
    // The order service may go on telling its time while the kitchen is away.
    return { kind: 'as-of', at: Math.min(this.#asOf, since), away, since };
  }
}

/** One clock stands still while a machine sleeps, and the other jumps when it is set. */
function readClocks() {
  return { even: performance.now(), wall: Date.now() };
}

/** Milliseconds since then, by whichever clock says more. */
function sinceClocks({ even, wall }) {
  return Math.max(performance.now() - even, Date.now() - wall);
}
