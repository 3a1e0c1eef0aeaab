/** What all pages say, in English and Russian; each page has more of its own. */

const LANGUAGES = ['en', 'ru'];

export const language =
  navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag)) ?? 'en';

document.documentElement.lang = language;

const plural = new Intl.PluralRules(language);

/** A number and its noun, kept on one line; English has no third form. */
export const counted = (n, one, few, many = few) =>
  `${n}\u00a0${{ one, few, many, other: many }[plural.select(n)]}`;

const WORDS = {
  // Everywhere
  live: ['live', 'на связи'],
  reconnecting: ['reconnecting', 'подключаемся'],
  asOf: [(time) => `as of ${time}`, (time) => `на ${time}`],
  close: ['Close', 'Закрыть'],
  tryAgain: ['Try again', 'Повторить'],
  loading: ['Loading', 'Загружаем'],

  // What went wrong
  offline: [
    'We can’t reach the restaurant. Check your connection and try again.',
    'Ресторан не отвечает. Проверьте связь и попробуйте ещё раз.',
  ],
  busy: ['No answer right now. Try again in a moment.', 'Ответа пока нет. Попробуйте через минуту.'],
  failed: ['That didn’t work. Try again.', 'Не получилось. Попробуйте ещё раз.'],
  signedOut: ['You were signed out. Sign in to go on.', 'Вы вышли. Войдите, чтобы продолжить.'],
  notAllowed: ['This account may not do that.', 'Этой учётной записи такое не разрешено.'],
  openThere: [(url) => `Open ${url} instead.`, (url) => `Откройте ${url}.`],
  notSetUp: ['This address isn’t set up yet. Tell the staff.', 'Адрес не настроен. Скажите персоналу.'],
  wrongCredentials: ['Name or password is wrong.', 'Неверное имя или пароль.'],
  loginTaken: [
    'That name is taken. Choose another, or sign in.',
    'Это имя занято. Выберите другое или войдите.',
  ],
  unfitLogin: ['Use a name of 1 to 64 characters.', 'Имя — от 1 до 64 знаков.'],
  unfitPassword: [
    'Choose a password of 8 characters or more that nobody would guess.',
    'Выберите пароль от 8 знаков, который никто не угадает.',
  ],
  soldOutSince: [
    (dishes, hasRest) => `Just sold out: ${dishes}. Take it off${hasRest ? ' and order the rest' : ''}.`,
    (dishes, hasRest) =>
      `Только что закончилось: ${dishes}. Уберите из счёта${hasRest ? ' и закажите остальное' : ''}.`,
  ],
  changedMenu: [
    'The menu changed meanwhile. Look at your order again.',
    'Меню успело измениться. Проверьте заказ ещё раз.',
  ],
  tooManyAttempts: [
    (n) => `Too many attempts. Try again in ${n > 1 ? counted(n, 'minute', 'minutes') : 'a minute'}.`,
    (n) => `Слишком много попыток. Попробуйте через ${n > 1 ? counted(n, 'минуту', 'минуты', 'минут') : 'минуту'}.`,
  ],
  changedMeanwhile: [
    'The order changed meanwhile. Look at it again.',
    'Заказ успел измениться. Посмотрите ещё раз.',
  ],
  tooLate: [
    'The kitchen was quicker: this can’t be changed any more.',
    'Кухня опередила: изменить уже нельзя.',
  ],
  paused: ['We take no new orders for a moment.', 'Новые заказы ненадолго остановлены.'],
  soldOut: ['sold out', 'закончилось'],
  closed: ['We’re closed now.', 'Сейчас закрыто.'],

  // Accounts
  signIn: ['Sign in', 'Войти'],
  signUp: ['Create account', 'Создать запись'],
  signOut: ['Sign out', 'Выйти'],
  name: ['Name', 'Имя'],
  password: ['Password', 'Пароль'],
  newHere: ['New here? Create an account', 'Впервые у нас? Создайте запись'],
  haveAccount: ['I have an account', 'У меня есть запись'],
  welcomeBack: ['Welcome back', 'С возвращением'],
  welcome: ['Nice to meet you', 'Будем знакомы'],
  signInToOrder: [
    'A name lets us call you when it’s ready.',
    'Имя нужно, чтобы позвать вас, когда всё готово.',
  ],
};

/** The reader's of these. @param {Object<string, [*, *]>} words each in English and in Russian */
export function choose(words) {
  const index = LANGUAGES.indexOf(language);
  return Object.fromEntries(Object.entries(words).map(([name, pair]) => [name, pair[index]]));
}

export const t = choose(WORDS);

const tooMany = ({ retry_after: seconds = 60 }) => t.tooManyAttempts(Math.ceil(seconds / 60));

const KINDS = {
  'sold-out': ({ dishes, skus = [], hasRest = true }) =>
    t.soldOutSince((dishes ?? skus).join(', '), hasRest),
  'invalid-order': () => t.changedMenu,
  'house-closed': () => t.closed,
  'orders-paused': () => t.paused,
  'too-many-attempts': tooMany,
  'too-many-orders': tooMany,
  'wrong-credentials': () => t.wrongCredentials,
  'login-taken': () => t.loginTaken,
  'cross-origin-request': ({ public_origins: at }) => (at ? t.openThere(at[0]) : t.notSetUp),
  'version-mismatch': () => t.changedMeanwhile,
  'transition-not-allowed': () => t.tooLate,
};

/** A problem in words for people. */
export function explain(problem) {
  const inWords = KINDS[problem.kind];
  if (inWords) return inWords(problem.facts);
  if (problem.status === 0) return t.offline;
  if (problem.status === 401) return t.signedOut;
  if (problem.status === 403) return t.notAllowed;
  if (problem.isAway) return t.busy;
  return problem.status === undefined ? t.failed : (problem.facts.detail ?? t.failed);
}
