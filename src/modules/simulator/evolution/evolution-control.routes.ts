import { Router, type Request } from 'express';
import { Forbidden, NotFound } from '#common/errors';
import { identityOf } from '../identity-of';
import { isObject, objectAt, stringAt, type JsonObject } from '../json';
import type { Simulation } from '../simulation';
import { ADDRESSINGS } from './chats';
import { qrLine } from './evolution';
import type { Instance } from './instances';
import { createJid } from './jid';

const MOST_MS = 3_600_000;
const PRESENCES = ['composing', 'recording', 'paused', 'available', 'unavailable'];
const STATUSES = ['sent', 'delivered', 'read', 'played', 'failed'] as const;

/** What the page and the scripts do to the phones that Evolution is linked to. */
export function evolutionControl(simulator: Simulation): Router {
  const router = Router();
  const { evolution, customers, options } = simulator;
  const instanceOf = (req: Request): Instance => {
    const instance = evolution.find(String(req.params['instance']));
    if (!instance) throw new NotFound('Instance');
    return instance;
  };
  const customerOf = (req: Request) => customers.know(identityOf(req.body));

  router.get('/phone/qr/:instance', (req, res) => {
    const { qr } = instanceOf(req);
    if (!qr) throw new NotFound('QR code');
    res
      .type('png')
      .set('cache-control', 'no-store')
      .send(Buffer.from(qr.base64.split(',')[1] ?? '', 'base64'));
  });

  router.get('/control/evolution', (_req, res) => {
    const { counts, weather, retry_delays_ms } = evolution.webhooks;
    res.json({ instances: evolution.lines(), options: options.evolution, webhooks: { counts, weather, retry_delays_ms } });
  });
  router.post('/control/evolution', (req, res) => {
    setOptions(req.body);
    res.status(204).end();
  });

  router.post('/control/evolution/:instance/scan', (req, res) => {
    const instance = instanceOf(req);
    const number = stringAt(req.body, 'number') ?? (qrLine(instance).qrcode.number || '+5511999990000');
    evolution.connections.scan(instance, { number, name: stringAt(req.body, 'name')?.slice(0, 256) ?? 'Loja' });
    res.json(qrLine(instance));
  });
  router.post('/control/evolution/:instance/:what', async (req, res, next) => {
    const instance = instanceOf(req);
    const { connections, phones, webhooks, chats } = evolution;
    switch (req.params['what']) {
      case 'next-qr':
        connections.nextQr(instance);
        break;
      case 'unlink':
        linked(instance);
        connections.logOut(instance);
        break;
      case 'drop':
        linked(instance);
        connections.reconnect(instance);
        break;
      case 'absent':
        chats.setAbsent(createJid(stringAt(req.body, 'number') ?? ''), isObject(req.body) && req.body['absent'] !== false);
        break;
      case 'presence': {
        const presence = stringAt(req.body, 'presence') ?? '';
        if (!PRESENCES.includes(presence)) throw new RangeError(`presence: one of ${PRESENCES.join(', ')}`);
        return void res.json(await phones.presence(instance, customerOf(req), presence, addressingOf(req.body)));
      }
      case 'profile': {
        const url = stringAt(req.body, 'picture_url');
        return void res.json(await phones.profile(instance, customerOf(req), url === '' ? null : url));
      }
      case 'status': {
        const status = STATUSES.find((known) => known === stringAt(req.body, 'status'));
        if (!status) throw new RangeError(`status: one of ${STATUSES.join(', ')}`);
        await simulator.setStatus(stringAt(req.body, 'message_id') ?? '', status);
        break;
      }
      case 'event': {
        if (options.locked) throw new Forbidden('forbidden', 'Only a simulator that runs alone posts free payloads.');
        const event = stringAt(req.body, 'event');
        if (event === undefined) throw new RangeError('event: is missing');
        return void res.json(await webhooks.tell(instance, event, isObject(req.body) ? req.body['data'] : undefined));
      }
      default:
        return next();
    }
    return void res.json(qrLine(instance));
  });

  function setOptions(body: unknown): void {
    const given: JsonObject = isObject(body) ? body : {};
    const { evolution: chosen } = options;
    const { weather } = evolution.webhooks;
    const addressing = addressingOf(given);
    if (addressing) chosen.addressing = addressing;
    if (given['qr_limit'] !== undefined) chosen.qr_limit = within(given, 'qr_limit', 1000);
    for (const key of ['edit_says_deleted', 'upsert_own_sends'] as const) if (typeof given[key] === 'boolean') chosen[key] = given[key];
    const wanted = objectAt(given, 'weather') ?? {};
    if (typeof wanted['doubled'] === 'boolean') weather.doubled = wanted['doubled'];
    for (const key of ['late_ms', 'shuffled_ms'] as const) if (wanted[key] !== undefined) weather[key] = within(wanted, key, MOST_MS);
    if (Array.isArray(given['retry_delays_ms']))
      evolution.webhooks.retry_delays_ms = given['retry_delays_ms']
        .map(Number)
        .filter((ms) => ms >= 0 && ms <= MOST_MS)
        .slice(0, 20);
  }

  return router;
}

function linked({ name, state }: Instance): void {
  if (state !== 'open') throw new RangeError(`${name}: no phone is linked to it`);
}

function addressingOf(body: unknown): (typeof ADDRESSINGS)[number] | undefined {
  const given = stringAt(body, 'addressing');
  const known = ADDRESSINGS.find((addressing) => addressing === given);
  if (given !== undefined && !known) throw new RangeError(`addressing: one of ${ADDRESSINGS.join(', ')}`);
  return known;
}

function within(object: JsonObject, key: string, most: number): number {
  const value = object[key];
  if (typeof value !== 'number' || !(value >= 0 && value <= most)) throw new RangeError(`${key}: a number from 0 to ${most}`);
  return value;
}
