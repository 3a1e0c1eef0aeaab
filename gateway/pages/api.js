/** Calls to the gateway, with the session's cookies. */

import { learnTime } from './clock.js';

/**
 * What went wrong, as the server says it (RFC 9457). `status` is 0 where there was no answer, and
 * the kind then `no-answer` if the request went out and took too long.
 */
export class Problem extends Error {
  /** @param {Object} facts the problem's members, such as `allowed_actions` */
  constructor(status, facts = {}) {
    super(facts.detail ?? facts.title ?? `status ${status}`);
    this.status = status;
    this.facts = facts;
    /** The kind, such as `sold-out`. */
    this.kind = (facts.type ?? '').split('/').pop();
  }

  /** Whether the same call may well succeed a little later. */
  get isAway() {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

const DEADLINE_MS = 12_000;
const TOO_SLOW = { type: 'no-answer' };

async function send(method, path, body, headers, options) {
  let response, answer;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), DEADLINE_MS);
  const broken = () => new Problem(0, deadline.signal.aborted ? TOO_SLOW : {});
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: deadline.signal,
      ...options,
    });
    learnTime(response);
    if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
    if (response.status === 204) return null;
    answer = await response.json();
  } catch (error) {
    throw error instanceof Problem ? error : broken();
  } finally {
    clearTimeout(timer);
  }
  // What the browser kept from the last release, which told no digits, is not asked about but read.
  const isOld = method === 'GET' && 'currency' in answer && !('currency_digits' in answer);
  if (isOld && options?.cache !== 'reload') {
    return send(method, path, body, headers, { ...options, cache: 'reload' });
  }
  return answer;
}

/**
 * The answer's JSON. A session that ended meanwhile is renewed and the call made again.
 *
 * @throws {Problem}
 */
export async function call(method, path, { body, headers = {}, ...options } = {}) {
  try {
    return await send(method, path, body, headers, options);
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    await renewSession();
    return send(method, path, body, headers, options);
  }
}

/** Who is signed in, or null. @throws {Problem} when that can't be told now */
export async function whoAmI() {
  try {
    return await renewSession();
  } catch (problem) {
    if (problem.status === 401) return null;
    throw problem;
  }
}

/** The session, a fresh one if it ended, made by one tab at a time. @throws {Problem} 401: none */
function renewSession() {
  const renew = async () => {
    try {
      return await send('GET', '/session');
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      return send('POST', '/session/refresh');
    }
  };
  return navigator.locks ? navigator.locks.request('brigade-session', renew) : renew();
}

const tabs = new BroadcastChannel('brigade-session');
const SIGNED_IN = 'signed in';
const SIGNED_OUT = 'signed out';

/** Calls `listener` when another tab signs in, and when it signs out with `true`. */
export function onSessionChange(listener) {
  tabs.addEventListener('message', ({ data }) => listener(data === SIGNED_OUT));
}

/** @throws {Problem} */
export async function signIn(login, password) {
  const account = await send('POST', '/session', { login, password });
  tabs.postMessage(SIGNED_IN);
  return account;
}

/** @throws {Problem} */
export async function signUp(login, password) {
  await send('POST', '/register', { login, password });
  return signIn(login, password);
}

/** Ends the session in every tab. @throws {Problem} */
export async function signOut() {
  await send('DELETE', '/session');
  tabs.postMessage(SIGNED_OUT);
}

/** A name no other request has. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
