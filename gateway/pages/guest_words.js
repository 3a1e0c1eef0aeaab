/** What the guest's page says. */

import { choose, counted, t as shared } from './words.js';

const WORDS = {
  // The menu
  menu: ['Menu', 'Меню'],
  orders: ['Orders', 'Заказы'],
  kitchenBoard: ['Kitchen', 'Кухня'],
  menuTitle: ['What would you like?', 'Что вам приготовить?'],
  skip: ['Skip to the content', 'К содержанию'],
  closedNow: ['Closed now', 'Сейчас закрыто'],
  opensToday: [(time) => `We open today at ${time}.`, (time) => `Откроемся сегодня в ${time}.`],
  opensOn: [(day, time) => `We open on ${day} at ${time}.`, (day, time) => `Откроемся: ${day}, ${time}.`],
  emptyMenu: ['The menu isn’t up yet. Check back soon.', 'Меню скоро появится. Загляните чуть позже.'],
  noSuchKitchen: [
    (name) => `There’s no kitchen “${name}” here. The link may be old.`,
    (name) => `Кухни «${name}» здесь нет. Возможно, ссылка устарела.`,
  ],
  toTheMenu: ['Go to the menu', 'Перейти к меню'],
  add: ['Add', 'Добавить'],
  chooseOne: ['choose one', 'выберите одно'],
  upTo: [(n) => `up to ${n}`, (n) => `до ${n}`],
  atLeast: [(n) => `at least ${n}`, (n) => `не меньше ${n}`],
  fewer: [(name) => `One ${name} fewer`, (name) => `Меньше: ${name}`],
  more: [(name) => `One ${name} more`, (name) => `Больше: ${name}`],
  quantity: ['Quantity', 'Количество'],
  bill: ['Your order', 'Ваш заказ'],
  emptyBill: [
    'Nothing here yet. Tap a dish to add it.',
    'В заказе пока пусто. Нажмите на блюдо, чтобы добавить.',
  ],
  dishes: [(n) => counted(n, 'dish', 'dishes'), (n) => counted(n, 'блюдо', 'блюда', 'блюд')],
  total: ['Total', 'Итого'],
  note: ['Note for the kitchen', 'Комментарий для кухни'],
  noteHint: ['no onion, sauce on the side…', 'без лука, соус отдельно…'],
  order: ['Order', 'Заказать'],
  ordering: ['Sending…', 'Отправляем…'],
  saveOrder: ['Save changes', 'Сохранить изменения'],
  priceChanged: ['The price has changed.', 'Цена изменилась.'],
  wasAndIs: [(was, now) => `It was ${was}, it is ${now} now.`, (was, now) => `Было ${was}, теперь ${now}.`],
  orderFor: [(price) => `Order for ${price}`, (price) => `Заказать за ${price}`],
  saveFor: [(price) => `Save for ${price}`, (price) => `Сохранить за ${price}`],
  back: ['Back', 'Назад'],
  onlyTakeOff: ['You can still take things off.', 'Убрать из заказа можно, добавить нельзя.'],
  dropChanges: ['Discard changes', 'Отменить изменения'],
  changing: [(n) => (n ? `Changing order ${n}` : 'Changing your order'), (n) => (n ? `Меняем заказ № ${n}` : 'Меняем заказ')],
  writtenDown: [(name) => `Added: ${name}`, (name) => `Добавлено: ${name}`],

  // What was refused, and why
  someDish: ['A dish', 'Блюдо'],
  checkLines: ['Please check what is marked.', 'Проверьте отмеченное.'],
  goneDish: ['no longer on the menu', 'больше нет в меню'],
  goneOption: [(name) => `no longer comes with ${name}`, (name) => `больше нет: ${name}`],
  tooManyTimes: [(name) => `${name} can be chosen once`, (name) => `${name} можно выбрать один раз`],
  chooseFrom: [
    (least, group) => `choose ${least} from “${group}”`,
    (least, group) => `выберите из «${group}»: ${least}`,
  ],
  chooseAtMost: [
    (most, group) => `choose at most ${most} from “${group}”`,
    (most, group) => `выберите из «${group}» не больше ${most}`,
  ],
  otherCurrency: ['can’t be added to this order. Order it separately', 'нельзя добавить сюда. Закажите отдельно'],
  wrongQuantity: [(most) => `between 1 and ${most} of a dish`, (most) => `от 1 до ${most} порций`],
  cantBeOrdered: ['can’t be ordered like this', 'так заказать нельзя'],
  chooseAgain: ['Choose again', 'Выбрать заново'],
  removeIt: [(n) => (n > 1 ? 'Remove them' : 'Remove it'), (n) => (n > 1 ? 'Убрать их' : 'Убрать')],
  orderRest: [
    (n, price) => `Remove ${n > 1 ? 'them' : 'it'} and order the rest ·\u00a0${price}`,
    (n, price) => `Убрать ${n > 1 ? 'их ' : ''}и заказать остальное ·\u00a0${price}`,
  ],
  saveRest: [
    (n, price) => `Remove ${n > 1 ? 'them' : 'it'} and save the rest ·\u00a0${price}`,
    (n, price) => `Убрать ${n > 1 ? 'их ' : ''}и сохранить остальное ·\u00a0${price}`,
  ],
  tooManyLines: [
    (most, over) => `One order holds ${most} lines. Take ${over} off, and order ${over > 1 ? 'those' : 'that'} separately.`,
    (most, over) => `В одном заказе не больше ${counted(most, 'строки', 'строк')}. Уберите лишние (${over}) и закажите отдельно.`,
  ],
  noteTooLong: [
    (most) => `The note is too long: ${most} characters at most.`,
    (most) => `Комментарий слишком длинный: не больше ${counted(most, 'знака', 'знаков')}.`,
  ],
  noteUnreadable: [
    'The note has a hidden character that the kitchen can’t read.',
    'В комментарии есть невидимый знак, который кухня не прочтёт.',
  ],
  cleanNote: ['Remove it and try again', 'Убрать и повторить'],

  // The ticket
  ticketTitle: [(n) => (n ? `Order ${n}` : 'Your order'), (n) => (n ? `Заказ № ${n}` : 'Ваш заказ')],
  yourNumber: ['Your number', 'Ваш номер'],
  numberComes: ['Your number is coming', 'Номер сейчас будет'],
  stops: [
    { placed: 'Placed', queued: 'In line', preparing: 'Cooking', ready: 'Ready', completed: 'Picked up' },
    { placed: 'Принят', queued: 'В очереди', preparing: 'Готовим', ready: 'Готов', completed: 'Выдан' },
  ],
  statuses: [
    {
      placed: 'Sent to the kitchen',
      queued: 'In line',
      preparing: 'Cooking now',
      ready: 'Ready for you',
      completed: 'Picked up',
      cancelled: 'Cancelled',
      rejected: 'The kitchen can’t make this',
    },
    {
      placed: 'Отправлен на кухню',
      queued: 'В очереди',
      preparing: 'Уже готовим',
      ready: 'Готово, забирайте',
      completed: 'Выдан',
      cancelled: 'Отменён',
      rejected: 'Кухня не сможет это приготовить',
    },
  ],
  // Of statuses that a timer guessed and nobody confirmed
  guesses: [
    {
      preparing: 'Should be cooking by now',
      ready: 'Should be ready soon',
      completed: 'Should be with you by now',
    },
    {
      preparing: 'Уже должны готовить',
      ready: 'Скоро должно быть готово',
      completed: 'Должен быть уже у вас',
    },
  ],
  lookAtScreen: [
    (n) => `Look at the screen for number ${n}.`,
    (n) => `Следите за номером ${n} на экране.`,
  ],
  notPickedUp: ['Haven’t got it? Ask at the counter.', 'Ещё не получили? Спросите на выдаче.'],
  waitingForKitchen: ['Waiting for the kitchen’s answer.', 'Ждём ответа кухни.'],
  kitchenSilent: [
    'The kitchen does not answer. Your order is kept. Ask at the counter.',
    'Кухня не отвечает. Ваш заказ сохранён. Спросите на выдаче.',
  ],
  kitchenAway: [
    'The kitchen can’t be reached right now, so this may be out of date. Your order is kept.',
    'С кухней сейчас нет связи, данные могли устареть. Ваш заказ сохранён.',
  ],
  orderAway: [
    'News about your order is delayed right now. Your order is kept.',
    'Новости о заказе сейчас задерживаются. Ваш заказ сохранён.',
  ],
  about: [(time) => `About ${time}`, (time) => `Около ${time}`],
  inMinutes: [(n) => `in ${n} min`, (n) => `через ${n} мин`],
  anyMoment: ['any moment now', 'с минуты на минуту'],
  runningLate: [
    (n) => `Running ${n} min late, sorry.`,
    (n) => `Задерживаемся на ${n} мин, извините.`,
  ],
  ahead: [
    (n) => `${counted(n, 'order', 'orders')} ahead of yours.`,
    (n) => `Перед вами заказов: ${n}.`,
  ],
  youAreNext: ['Yours is next.', 'Ваш заказ следующий.'],
  showNumber: [(n) => `Show number ${n} at the counter.`, (n) => `Покажите номер ${n} на выдаче.`],
  pickedUp: ['Enjoy your meal!', 'Приятного аппетита!'],
  byTimer: ['by timer', 'по расчёту'],
  youCancelled: ['You cancelled this. Nothing will be cooked.', 'Вы отменили заказ. Готовить не будем.'],
  staffCancelled: ['We had to cancel this, sorry.', 'Нам пришлось отменить заказ, извините.'],
  recalled: ['The kitchen is putting something right.', 'Кухня кое-что исправляет.'],
  changeOrder: ['Change', 'Изменить'],
  cancelOrder: ['Cancel order', 'Отменить заказ'],
  reallyCancel: ['Cancel the whole order?', 'Отменить весь заказ?'],
  yesCancel: ['Yes, cancel it', 'Да, отменить'],
  cancelling: ['Cancelling…', 'Отменяем…'],
  keepIt: ['Keep it', 'Оставить'],
  canStillChange: [
    'You can change or cancel it until cooking begins.',
    'Пока не начали готовить, заказ можно изменить или отменить.',
  ],
  cooking: ['Cooking has started, so this can’t change.', 'Уже готовим, изменить нельзя.'],
  orderAgain: ['Order again', 'Заказать ещё раз'],
  orderMore: ['Order something else', 'Заказать что-то ещё'],
  otherOrders: ['Your other orders', 'Другие заказы'],
  moreOrders: ['Show earlier ones', 'Показать ещё'],
  ordersFailed: ['We couldn’t load your orders.', 'Не удалось загрузить ваши заказы.'],
  noOrders: ['No orders yet. Choose something from the menu.', 'Заказов пока нет. Выберите что-нибудь из меню.'],
  activeTicket: [
    (n) => (n ? `Your order ${n}` : 'Your order'),
    (n) => (n ? `Ваш заказ № ${n}` : 'Ваш заказ'),
  ],
  signInToSeeOrder: ['Sign in to see your order.', 'Войдите, чтобы увидеть заказ.'],
  signInToSeeOrders: ['Sign in to see your orders.', 'Войдите, чтобы увидеть заказы.'],
  seeOrders: ['See your orders', 'К вашим заказам'],
};

export const t = { ...shared, ...choose(WORDS) };
