import express, { Router, type ErrorRequestHandler } from 'express';
import multer from 'multer';
import { answerFile } from '#api/answer-file';
import { sendError, toAppError } from '#api/errors.filter';
import { Forbidden, Invalid, NotFound } from '#common/errors';
import type { Customer, CustomerMessage } from './customer';
import { evolutionControl } from './evolution/evolution-control.routes';
import { magicEndings, STATUS_ORDERS, type Fault } from './faults';
import { GraphError } from './graph-error';
import { identityOf } from './identity-of';
import type { Line, Simulation } from './simulation';
import type { Delays, SimulatorNumber, SimulatorOptions } from './simulator-options';
import { isObject, listAt, objectAt, stringAt, type JsonObject } from './json';
import { fileOf } from './media-store';
import { isSimulatorAccount } from './simulator-number';
import { uploaded, uploadTo } from './uploads';

/** An hour in milliseconds: longer delays would only fill the memory. No other number that is given has a reason to be larger. */
const MOST = 3_600_000;

/** What the page and the scripts steer: the customers' phones (`/phone/*`), and the weather (`/control/*`). */
export function phoneRoutes(simulator: Simulation): Router {
  const router = Router();
  router.use(express.json({ limit: '30mb' }));

  const numberOf = (body: unknown): SimulatorNumber => simulator.number(stringAt(body, 'phone_number_id'));
  const lineOf = (body: unknown): Line => simulator.line(stringAt(body, 'phone_number_id'));
  const customerOf = (body: unknown): Customer => simulator.customers.know(identityOf(body));

  // The customers' phones

  router.get('/phone/events', (req, res) => simulator.events.open(req, res));
  router.get('/phone/:phone_number_id/:customer/thread', (req, res) => {
    const { phone_number_id } = simulator.line(String(req.params['phone_number_id']));
    const id = String(req.params['customer']);
    const customer = simulator.customers.find(id);
    res.json({ ...simulator.threads.get(phone_number_id, customer?.key ?? id), customer: customer ?? null });
  });
  router.post('/phone/customers', (req, res) => void res.json(customerOf(req.body)));
  router.post('/phone/read', (req, res) => {
    const customer = simulator.customers.find(stringAt(req.body, 'customer') ?? '') ?? customerOf(req.body);
    res.json({ read: simulator.read(lineOf(req.body), customer) });
  });
  router.post('/phone/media', uploadTo(simulator.media), (req, res) => {
    const file = uploaded(req);
    if (!file) throw new RangeError('file: is missing');
    const { phone_number_id } = lineOf(req.body);
    const { id, mime_type, filename, sha256 } = simulator.media.keep(phone_number_id, file.arrived, {
      mime_type: file.mimetype,
      filename: file.originalname,
    });
    res.status(201).json({ id, mime_type, filename, sha256: sha256.toString('base64') });
  });
  router.get('/phone/media/:id', async (req, res) => {
    const media = simulator.media.get(String(req.params['id']));
    if (!media) throw new NotFound('File');
    await answerFile(req, res, fileOf(media));
  });

  // The weather

  router.post('/control/customer-message', async (req, res) => {
    const { phone_number_id, from, name, username, phone_hidden, user_id, wait, ...message } = objectOf(req.body);
    const line = simulator.line(typeof phone_number_id === 'string' ? phone_number_id : undefined);
    const customer = customerOf({ from, name, username, phone_hidden, user_id });
    if (typeof message['type'] !== 'string') throw new RangeError('type: is missing');
    const { message_id, delivered } = line.write(customer, message as CustomerMessage);
    res.status(202).json({ message_id, customer, ...(wait === true ? await delivered : {}) });
  });
  router.use(evolutionControl(simulator));
  router.get('/control/faults', (_req, res) => void res.json({ items: simulator.faults.list(), magic: magicEndings() }));
  router.post('/control/faults', (req, res) => {
    simulator.faults.add(faultOf(req.body));
    res.status(201).json({ items: simulator.faults.list() });
  });
  router.delete('/control/faults', (_req, res) => {
    simulator.faults.clear();
    res.status(204).end();
  });
  router.get('/control/sent', (req, res) => {
    const of = (key: string) => stringAt(req.query, key);
    const items = simulator.sent({
      phone_number_id: of('phone_number_id'),
      to: of('to'),
      biz_opaque_callback_data: of('biz_opaque_callback_data'),
    });
    const counts = simulator.acceptedPerReference();
    const limit = Math.min(Number(of('limit') ?? 1000) || 1000, 10_000);
    res.json({
      total: items.length,
      references: counts.size,
      doubled: Object.fromEntries([...counts].filter(([, count]) => count > 1)),
      items: items.slice(-limit),
    });
  });
  router.get('/control/state', (_req, res) => {
    const {
      app_secret: _secret,
      access_token: _token,
      accepts: _accepts,
      webhook_url: _url,
      data_dir: _dir,
      numbers: _numbers,
      ...options
    } = simulator.options;
    const { batch, retry_delays_ms, counts } = simulator.webhooks;
    res.json({
      pending: simulator.pending,
      readers: simulator.events.count,
      webhooks: counts,
      options: { ...options, batch, retry_delays_ms },
      numbers: simulator.numbers.map(publicNumber),
    });
  });
  router.post('/control/options', (req, res) => {
    setOptions(simulator, objectOf(req.body));
    res.status(204).end();
  });
  router.post('/control/numbers', (req, res) => {
    const text = (key: string) => stringAt(req.body, key) ?? '';
    const number = {
      phone_number_id: text('phone_number_id'),
      waba_id: text('waba_id'),
      display_phone_number: text('display_phone_number'),
      verified_name: text('verified_name'),
    };
    if (!/^\d{5,20}$/.test(number.phone_number_id) || !/^\d{5,20}$/.test(number.waba_id))
      throw new RangeError('phone_number_id, waba_id: digits');
    if (!/^\+?[\d ()-]{7,24}$/.test(number.display_phone_number)) throw new RangeError('display_phone_number: a phone number');
    if (simulator.options.locked && !(simulator.options.accepts(number.phone_number_id) && isSimulatorAccount(number.waba_id)))
      throw new RangeError('phone_number_id, waba_id: not ids of the simulator');
    res.status(201).json(publicNumber(simulator.addNumber(number)));
  });
  router.post('/control/window', (req, res) => {
    const customer = customerOf(req.body);
    if (objectOf(req.body)['open'] === false) simulator.closeWindow(numberOf(req.body), customer);
    else simulator.openWindow(numberOf(req.body), customer);
    res.status(204).end();
  });
  router.post('/control/templates/:id', async (req, res) => {
    const template = simulator.template(String(req.params['id']));
    if (!template) throw new NotFound('Template');
    const text = (key: string) => stringAt(req.body, key);
    const components = listAt(req.body, 'components');
    const change = { category: text('category'), quality: text('quality'), ...(components.length && { components }) };
    await simulator.changeTemplate(template, change);
    const status = text('status') ?? (change.category || change.quality || components.length ? undefined : 'APPROVED');
    if (status) await simulator.setTemplateStatus(template, status, text('reason'));
    res.json(template);
  });
  router.post('/control/change', async (req, res) => {
    const field = stringAt(req.body, 'field');
    if (!field) throw new RangeError('field: is missing');
    res.json(await simulator.tell(numberOf(req.body), field, objectAt(req.body, 'value') ?? {}));
  });
  router.post('/control/webhook', async (req, res) => {
    // It would sign anything in anybody's name.
    if (simulator.options.locked) throw new Forbidden('forbidden', 'Only a simulator that runs alone posts free payloads.');
    res.json(await simulator.postWebhook(req.body));
  });
  router.post('/control/reset', (_req, res) => {
    simulator.reset();
    res.status(204).end();
  });

  router.use(((error: unknown, _req, res, next) => {
    if (res.headersSent) return void next(error);
    const bad = error instanceof RangeError || error instanceof GraphError || error instanceof multer.MulterError;
    const known = bad ? new Invalid([{ msg: error.message, type: 'value_error' }]) : toAppError(error);
    return void sendError(res, known);
  }) satisfies ErrorRequestHandler);
  return router;
}

function faultOf(body: unknown): Fault {
  const given = objectOf(body);
  const number = (key: string) => (given[key] === undefined ? undefined : nonNegative(given, key));
  const flag = (key: string) => (typeof given[key] === 'boolean' ? given[key] : undefined);
  const statuses = given['statuses'];
  if (statuses !== undefined && !Array.isArray(statuses) && !STATUS_ORDERS.some((order) => order === statuses)) {
    throw new RangeError(`statuses: a list of status names or one of ${STATUS_ORDERS.join(', ')}`);
  }
  const fault: Fault = {
    times: given['times'] === null ? null : (number('times') ?? 1),
    to: stringAt(given, 'to'),
    phone_number_id: stringAt(given, 'phone_number_id'),
    route: (stringAt(given, 'route') ?? 'messages') as Fault['route'],
    code: number('code'),
    as: given['as'] === 'status' ? 'status' : 'answer',
    http_status: number('http_status'),
    retry_after_seconds: number('retry_after_seconds'),
    hang: flag('hang'),
    reset: flag('reset'),
    accepted: flag('accepted'),
    statuses: statuses as Fault['statuses'],
    latency_ms: number('latency_ms'),
  };
  return Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== undefined)) as Fault;
}

function setOptions(simulator: Simulation, given: JsonObject): void {
  const { options, webhooks } = simulator;
  const delays = objectAt(given, 'delays') ?? {};
  for (const key of Object.keys(delays)) {
    if (!(key in options.delays)) throw new RangeError(`delays.${key}: unknown`);
    if (delays[key] === null && key === 'read_after_ms') options.delays.read_after_ms = null;
    else options.delays[key as keyof Delays] = nonNegative(delays, key);
  }
  if (given['statuses'] !== undefined) {
    const order = STATUS_ORDERS.find((known) => known === given['statuses']);
    if (!order) throw new RangeError(`statuses: one of ${STATUS_ORDERS.join(', ')}`);
    options.statuses = order;
  }
  if (given['window'] !== undefined) {
    const window = (['async', 'sync', 'off'] as const).find((known) => known === given['window']);
    if (!window) throw new RangeError('window: one of async, sync, off');
    options.window = window;
  }
  if (typeof given['strict'] === 'boolean') options.strict = given['strict'];
  if (typeof given['pair_limit'] === 'boolean') options.pair_limit = given['pair_limit'];
  if (given['messages_per_second'] !== undefined) {
    options.messages_per_second = given['messages_per_second'] === null ? null : nonNegative(given, 'messages_per_second');
  }
  if (given['batch'] === null) webhooks.batch = null;
  else if (given['batch'] !== undefined) {
    const batch = objectOf(given['batch']);
    webhooks.batch = { max: Math.min(Math.max(1, nonNegative(batch, 'max')), 1000), wait_ms: nonNegative(batch, 'wait_ms') };
  }
  if (Array.isArray(given['retry_delays_ms']))
    webhooks.retry_delays_ms = given['retry_delays_ms']
      .map(Number)
      .filter((ms) => ms >= 0 && ms <= MOST)
      .slice(0, 20);

  const guarded: (keyof SimulatorOptions)[] = ['webhook_url', 'app_secret', 'access_token'];
  const touched = guarded.filter((key) => given[key] !== undefined);
  if (!touched.length) return;
  if (options.locked) throw new RangeError(`${touched.join(', ')}: fixed, this simulator belongs to the product it runs in`);
  const webhook_url = stringAt(given, 'webhook_url');
  if (webhook_url !== undefined && !URL.canParse(webhook_url)) throw new RangeError('webhook_url: not a URL');
  if (webhook_url !== undefined || given['webhook_url'] === null) options.webhook_url = webhook_url ?? null;
  if (given['access_token'] !== undefined) options.access_token = stringAt(given, 'access_token') ?? null;
  options.app_secret = stringAt(given, 'app_secret') ?? options.app_secret;
}

export function publicNumber({ app_secret: _, ...number }: SimulatorNumber): Omit<SimulatorNumber, 'app_secret'> {
  return number;
}

function nonNegative(object: JsonObject, key: string): number {
  const value = object[key];
  if (typeof value !== 'number' || !(value >= 0 && value <= MOST)) throw new RangeError(`${key}: a number from 0 to ${MOST}`);
  return value;
}

function objectOf(body: unknown): JsonObject {
  return isObject(body) ? body : {};
}
