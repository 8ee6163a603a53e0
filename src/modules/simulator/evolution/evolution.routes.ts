import { readFile } from 'node:fs/promises';
import express, { Router, type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { isSameSecret } from '#common/same-secret';
import type { Fault } from '../faults';
import { compact, listAt, objectAt, stringAt, type JsonObject } from '../json';
import { misbehave, outage, pause } from '../misbehave';
import { EvolutionError, badRequest, notFound, unauthorized } from './evolution-error';
import type { Evolution } from './evolution';
import type { GivenWebhook, Instance } from './instances';
import { createJid, isLid } from './jid';
import { readSend } from './outgoing';
import { validate } from './schema';
import { CHATS, INSTANCE_CREATE, SENDS, WEBHOOK_SET, type SendName } from './schemas';
import { objectOf, type MessageKey } from './wire';

const VERSION = '2.3.6';
const MAX_PRESENCE_MS = 60_000;

/** The part of Evolution API that a sender of messages uses, under its own paths. */
export function evolutionRoutes(evolution: Evolution): Router {
  const router = Router();

  const isGlobalKey = (key: string): boolean => {
    const { access_token } = evolution.options;
    return access_token === null || isSameSecret(access_token, key);
  };
  const instanceOf = (req: Request): Instance => {
    const name = String(req.params['instance']);
    const instance = evolution.find(name);
    if (!instance) throw notFound(`The "${name}" instance does not exist`);
    return instance;
  };
  // Evolution looks for the instance first, then at the key.
  const opened: RequestHandler = (req, _res, next) => {
    const instance = instanceOf(req);
    const key = req.get('apikey');
    if (!key || !(isGlobalKey(key) || isSameSecret(instance.token, key))) throw unauthorized();
    next();
  };
  const openedToAll: RequestHandler = (req, _res, next) => {
    const key = req.get('apikey');
    if (!key || !isGlobalKey(key)) throw unauthorized();
    next();
  };
  const faulty =
    (route: Fault['route']): RequestHandler =>
    async (req, res, next) => {
      const name = stringAt(req.params, 'instance') ?? stringAt(req.body, 'instanceName');
      const fault = evolution.faults.take({ route: route ?? 'number', phone_number_id: name });
      await pause(evolution.options.delays.answer_ms + (fault?.latency_ms ?? 0));
      if (fault?.code === 190) throw unauthorized();
      if (fault?.code !== undefined) throw badRequest('Error: rate-overlimit');
      // With `accepted` the act is done, and its answer lost.
      const { json } = res;
      if (fault?.accepted)
        res.json = (answer) => {
          res.json = json;
          return misbehave(req, res, fault, trouble(res)) ? res : res.json(answer);
        };
      if (!fault || fault.accepted || !misbehave(req, res, fault, trouble(res))) next();
    };
  const body = express.json({ limit: '1mb' });
  /** As large as Evolution takes them, for the files in them. */
  const files = express.json({ limit: '136mb' });
  /** Evolution answers what was made with 201. */
  const created = (res: Response, answer: unknown): void => void res.status(201).json(answer);

  router.get('/', (_req, res) => {
    res.json({ status: 200, message: 'Welcome to the Evolution API, it is working!', version: VERSION, clientName: 'pytake_simulator' });
  });

  // Instances

  router.post('/instance/create', openedToAll, body, faulty('number'), async (req, res) => {
    validate(req.body, INSTANCE_CREATE);
    if (stringAt(req.body, 'integration') !== 'WHATSAPP-BAILEYS') throw badRequest('Invalid integration');
    const given: JsonObject = req.body;
    const flag = (key: string): boolean => given[key] === true;
    const settings = {
      rejectCall: flag('rejectCall'),
      msgCall: stringAt(given, 'msgCall') ?? '',
      groupsIgnore: flag('groupsIgnore'),
      alwaysOnline: flag('alwaysOnline'),
      readMessages: flag('readMessages'),
      readStatus: flag('readStatus'),
      syncFullHistory: flag('syncFullHistory'),
      wavoipToken: '',
    };
    const webhook = objectAt(given, 'webhook');
    const instance = evolution.create(
      {
        name: stringAt(given, 'instanceName') ?? '',
        number: stringAt(given, 'number')?.split(/\D/)[0] ?? null,
        token: stringAt(given, 'token'),
        settings,
        server_url: `${req.protocol}://${req.get('host') ?? 'localhost'}${req.baseUrl}`,
      },
      webhook && webhookOf(webhook),
    );
    if (flag('qrcode')) {
      evolution.connections.connect(instance, stringAt(given, 'number') === undefined ? null : instance.number);
      await untilQr(evolution);
    }
    created(res, {
      instance: {
        instanceName: instance.name,
        instanceId: instance.id,
        integration: 'WHATSAPP-BAILEYS',
        webhookWaBusiness: null,
        accessTokenWaBusiness: '',
        status: instance.state,
      },
      hash: instance.token,
      webhook: instance.webhook
        ? {
            webhookUrl: instance.webhook.url,
            webhookHeaders: instance.webhook.headers,
            webhookByEvents: instance.webhook.byEvents,
            webhookBase64: instance.webhook.base64,
          }
        : {},
      websocket: {},
      rabbitmq: {},
      nats: {},
      sqs: {},
      settings,
      ...(flag('qrcode') ? { qrcode: qrAnswer(instance) } : {}),
    });
  });

  router.get('/instance/fetchInstances', faulty('number'), (req, res) => {
    const key = req.get('apikey') ?? '';
    const all = evolution.instances.all();
    const open = key && isGlobalKey(key) ? all : all.filter(({ token }) => key && isSameSecret(token, key));
    if (!key || (!open.length && !isGlobalKey(key))) throw unauthorized();
    const [name, id] = [stringAt(req.query, 'instanceName'), stringAt(req.query, 'instanceId')];
    const found = open.filter((instance) => (name === undefined || instance.name === name) && (id === undefined || instance.id === id));
    if ((name ?? id) !== undefined && !found.length) throw notFound(`Instance "${name ?? id}" not found`);
    res.json(found.map(instanceRecord));
  });

  router.get('/instance/connect/:instance', opened, faulty('number'), async (req, res) => {
    const instance = instanceOf(req);
    if (instance.state === 'open') return void res.json(stateOf(instance));
    if (instance.state === 'close') {
      const number = stringAt(req.query, 'number')?.replace(/\D/g, '');
      evolution.connections.connect(instance, number ?? null);
      await untilQr(evolution);
    }
    return void res.json(qrAnswer(instance));
  });
  router.get('/instance/connectionState/:instance', opened, faulty('number'), (req, res) => void res.json(stateOf(instanceOf(req))));
  router.post('/instance/restart/:instance', opened, faulty('number'), (req, res) => {
    const instance = instanceOf(req);
    try {
      evolution.connections.restart(instance);
      res.json(stateOf(instance));
    } catch {
      // Evolution writes its own exception as a text, and calls it 200.
      res.json({ error: true, message: '[object Object]' });
    }
  });
  router.delete('/instance/logout/:instance', opened, faulty('number'), (req, res) => {
    const instance = instanceOf(req);
    if (instance.state === 'close') throw badRequest(`The "${instance.name}" instance is not connected`);
    evolution.connections.logOut(instance);
    res.json({ status: 'SUCCESS', error: false, response: { message: 'Instance logged out' } });
  });
  router.delete('/instance/delete/:instance', opened, faulty('number'), (req, res) => {
    evolution.connections.delete(instanceOf(req));
    res.json({ status: 'SUCCESS', error: false, response: { message: 'Instance deleted' } });
  });

  router.post('/webhook/set/:instance', opened, body, faulty('number'), (req, res) => {
    validate(req.body, WEBHOOK_SET);
    const instance = instanceOf(req);
    evolution.setWebhook(instance, webhookOf(objectAt(req.body, 'webhook') ?? {}));
    created(res, webhookRecord(instance));
  });
  router.get('/webhook/find/:instance', opened, faulty('number'), (req, res) => void res.json(webhookRecord(instanceOf(req))));

  // Messages

  router.post('/message/:send/:instance', opened, files, async (req, res, next) => {
    const name = String(req.params['send']);
    if (!isSend(name)) return next();
    const instance = instanceOf(req);
    const outgoing = readSend(name, req.body);
    await pause(evolution.options.delays.answer_ms);
    if (outgoing.delay_ms) evolution.typing(instance, outgoing.number);
    await pause(outgoing.delay_ms);
    const { answer, fault } = evolution.sends.send(instance, outgoing);
    await pause(fault?.latency_ms ?? 0);
    if (!fault || !misbehave(req, res, fault, trouble(res))) created(res, answer);
  });

  // Chats

  router.post('/chat/whatsappNumbers/:instance', opened, body, faulty('number'), (req, res) => {
    validate(req.body, CHATS.whatsappNumbers);
    const instance = instanceOf(req);
    res.json(listAt(req.body, 'numbers').map((number) => evolution.sends.onWhatsApp(instance, String(number))));
  });
  router.post('/chat/markMessageAsRead/:instance', opened, body, faulty('number'), (req, res) => {
    validate(req.body, CHATS.markMessageAsRead);
    const instance = instanceOf(req);
    if (instance.state !== 'open') throw new EvolutionError(500, ['Read messages fail', 'Error: Connection Closed']);
    evolution.phones.markRead(instance, listAt(req.body, 'readMessages') as MessageKey[]);
    created(res, { message: 'Read messages', read: 'success' });
  });
  router.post('/chat/sendPresence/:instance', opened, body, faulty('number'), async (req, res) => {
    validate(req.body, CHATS.sendPresence);
    const instance = instanceOf(req);
    const to = evolution.sends.onWhatsApp(instance, stringAt(req.body, 'number') ?? '');
    if (!to.exists && !isLid(to.jid)) throw badRequest('[object Object]');
    const presence = stringAt(req.body, 'presence');
    if (presence === 'composing' || presence === 'recording') evolution.typing(instance, to.jid);
    await pause(Math.min(Number(objectOf(req.body)['delay']) || 0, MAX_PRESENCE_MS));
    created(res, { presence });
  });
  router.post('/chat/fetchProfilePictureUrl/:instance', opened, body, faulty('number'), (req, res) => {
    validate(req.body, CHATS.fetchProfilePictureUrl);
    instanceOf(req);
    const wuid = createJid(stringAt(req.body, 'number') ?? '');
    res.json({ wuid, profilePictureUrl: evolution.chats.picture(wuid) });
  });
  router.post('/chat/getBase64FromMediaMessage/:instance', opened, body, faulty('media'), async (req, res) => {
    validate(req.body, CHATS.getBase64FromMediaMessage);
    const instance = instanceOf(req);
    const id = stringAt(objectAt(objectAt(req.body, 'message'), 'key'), 'id') ?? '';
    const message = evolution.chats.find(instance, id);
    if (!message) throw badRequest('Message not found');
    const mediaType = Object.keys(message.message).find((key) => MEDIA_TYPES.includes(key));
    if (mediaType === undefined) throw badRequest('The message is not of the media type');
    const file = evolution.chats.fileOf(instance, id);
    const bytes = file && (await readFile(file.path).catch(() => undefined));
    if (!file || !bytes) throw badRequest('AxiosError: Request failed with status code 404');
    const media = objectAt(message.message, mediaType);
    created(
      res,
      compact({
        mediaType,
        fileName: stringAt(media, 'fileName') ?? `${id}.${file.mime_type.split(/[/;+]/)[1] ?? 'bin'}`,
        caption: stringAt(media, 'caption'),
        size: { fileLength: media?.['fileLength'] },
        mimetype: file.mime_type,
        base64: bytes.toString('base64'),
        buffer: null,
      }),
    );
  });

  router.use((req, res) => {
    res.status(404).json({ status: 404, error: 'Not Found', response: { message: [`Cannot ${req.method} ${req.originalUrl}`] } });
  });
  router.use(asEvolutionError);
  return router;
}

const MEDIA_TYPES = ['imageMessage', 'videoMessage', 'audioMessage', 'documentMessage', 'stickerMessage', 'ptvMessage'];

const asEvolutionError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return void next(error);
  const status = stringAt(error, 'type')?.startsWith('entity.') ? Number(objectOf(error)['status']) || 400 : 500;
  const said = error instanceof Error ? error.message : 'Internal Server Error';
  const known = error instanceof EvolutionError ? error : new EvolutionError(status, said);
  res.status(known.status).json(known.body());
};

const isSend = (name: string): name is SendName => Object.hasOwn(SENDS, name);

/** An order for this HTTP status: Evolution's own words, or those of the proxy before it. */
function trouble(res: Response): (http_status: number) => void {
  return (http_status) =>
    http_status > 500
      ? outage(res)(http_status)
      : void res.status(http_status).json(new EvolutionError(http_status, ['Error: rate-overlimit']).body());
}

/** Evolution waits some seconds, whether the code has come or not. */
function untilQr({ options }: Evolution): Promise<void> {
  return pause(Math.min(options.delays.qr_ms + 20, 5000));
}

function qrAnswer({ qr, qr_count }: Instance): object {
  return { ...(qr ?? {}), count: qr_count };
}

function stateOf({ name, state }: Instance): object {
  return { instance: { instanceName: name, state } };
}

function webhookOf(given: JsonObject): GivenWebhook {
  const headers = Object.entries(objectAt(given, 'headers') ?? {}).map(([key, value]) => [key, String(value)]);
  return {
    enabled: given['enabled'] === true,
    url: stringAt(given, 'url') ?? '',
    headers: Object.fromEntries(headers),
    byEvents: given['byEvents'] === true,
    base64: given['base64'] === true,
    events: listAt(given, 'events').map(String),
  };
}

function webhookRecord({ id, webhook, created_at }: Instance): object | null {
  if (!webhook) return null;
  const { byEvents, base64, ...rest } = webhook;
  return {
    ...rest,
    id: `c${id.replaceAll('-', '').slice(0, 24)}`,
    webhookByEvents: byEvents,
    webhookBase64: base64,
    createdAt: created_at,
    updatedAt: created_at,
    instanceId: id,
  };
}

function instanceRecord(instance: Instance): object {
  const { id, name, state, wuid, profile_name, number, token, disconnection, created_at, settings } = instance;
  return {
    id,
    name,
    connectionStatus: state,
    ownerJid: wuid,
    profileName: profile_name,
    profilePicUrl: null,
    integration: 'WHATSAPP-BAILEYS',
    number,
    businessId: null,
    token,
    clientName: 'pytake_simulator',
    disconnectionReasonCode: disconnection?.code ?? null,
    disconnectionObject: null,
    disconnectionAt: disconnection?.at ?? null,
    createdAt: created_at,
    updatedAt: created_at,
    Chatwoot: null,
    Proxy: null,
    Rabbitmq: null,
    Nats: null,
    Sqs: null,
    Websocket: null,
    Setting: { ...settings, instanceId: id, createdAt: created_at, updatedAt: created_at },
    _count: { Message: 0, Contact: 0, Chat: 0 },
  };
}
