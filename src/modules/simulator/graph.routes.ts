import { createHmac, randomBytes } from 'node:crypto';
import express, { Router, type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import multer from 'multer';
import { answerFile } from '#api/answer-file';
import { bearerOf } from '#common/bearer';
import { isSameSecret } from '#common/same-secret';
import type { Fault } from './faults';
import { GraphError, noSuchObject } from './graph-error';
import type { Simulation } from './simulation';
import type { SimulatorNumber } from './simulator-options';
import { isObject, stringAt, type JsonObject } from './json';
import { MAX_FILE_BYTES, fileOf, type StoredMedia } from './media-store';
import { misbehave, pause } from './misbehave';
import type { Template } from './template';
import { uploaded, uploadTo } from './uploads';

const MEDIA_URL_LIFE_SECONDS = 300;
const APP_ID = '1000000000000001';

/** The part of https://graph.facebook.com that a WhatsApp sender uses. */
export function graphRoutes(simulator: Simulation): Router {
  const router = Router();
  const version = Router();
  const url_key = randomBytes(32);

  const authorized: RequestHandler = (req, _res, next) => {
    const token = bearerOf(req.headers.authorization?.replace(/^OAuth /i, 'Bearer ')) ?? queryOf(req, 'access_token');
    const { access_token } = simulator.options;
    if (!token || (access_token !== null && token !== access_token)) throw new GraphError(190);
    next();
  };
  const faulty =
    (route: Fault['route']): RequestHandler =>
    async (req, res, next) => {
      const fault = simulator.faults.take({ route: route ?? 'messages', phone_number_id: req.params['id'] as string });
      await pause(simulator.options.delays.answer_ms + (fault?.latency_ms ?? 0));
      if (fault?.code !== undefined) throw new GraphError(fault.code);
      if (!fault || !misbehave(req, res, fault)) next();
    };
  const number = (req: Request): SimulatorNumber => {
    const found = simulator.findNumber(idOf(req));
    if (!found) throw noSuchObject(req.method, idOf(req));
    return found;
  };
  const waba = (req: Request): string => {
    const id = idOf(req);
    if (!simulator.numbersOf(id).length) throw noSuchObject(req.method, id);
    return id;
  };
  const mediaUrl = (req: Request, media: StoredMedia): string => {
    const ext = String(Math.floor(Date.now() / 1000) + MEDIA_URL_LIFE_SECONDS);
    const base = `${req.protocol}://${req.get('host') ?? 'localhost'}${req.baseUrl.replace(/\/v\d+\.\d+$/, '')}`;
    return `${base}/whatsapp_business/attachments/?mid=${media.id}&ext=${ext}&hash=${urlHash(url_key, media.id, ext)}`;
  };

  router.use(express.json({ limit: '5mb' }));
  router.get('/whatsapp_business/attachments', authorized, async (req, res) => {
    const [mid, ext, hash] = ['mid', 'ext', 'hash'].map((key) => queryOf(req, key) ?? '') as [string, string, string];
    const media = simulator.media.get(mid);
    if (!media || !isSameSecret(urlHash(url_key, mid, ext), hash) || Number(ext) < Date.now() / 1000)
      return void res.status(404).type('html').send('<html>URL signature expired</html>');
    return answerFile(req, res, fileOf(media));
  });
  router.use(/^\/v\d+\.\d+/, authorized, version);

  version.get('/debug_token', (_req, res) => {
    const wabas = [...new Set(simulator.numbers.map((n) => n.waba_id))];
    const scopes = ['whatsapp_business_management', 'whatsapp_business_messaging'];
    res.json({
      data: {
        app_id: APP_ID,
        type: 'SYSTEM_USER',
        application: 'PyTake simulator',
        is_valid: true,
        expires_at: 0,
        scopes,
        granular_scopes: scopes.map((scope) => ({ scope, target_ids: wabas })),
      },
    });
  });

  version.post('/:id/uploads', faulty('templates'), (req, res) => {
    if (idOf(req) !== APP_ID) throw noSuchObject(req.method, idOf(req));
    const file_length = Number(queryOf(req, 'file_length'));
    if (!(file_length > 0 && file_length <= MAX_FILE_BYTES) || !queryOf(req, 'file_type'))
      throw new GraphError(100, 'Param file_length and file_type are required');
    res.json({ id: simulator.openUpload(file_length) });
  });
  version.post(/^\/upload:[^/]+$/, async (req, res) => {
    if (!/^OAuth /i.test(req.headers.authorization ?? '')) throw new GraphError(190);
    let size_bytes = 0;
    for await (const chunk of req as AsyncIterable<Buffer>) if ((size_bytes += chunk.length) > MAX_FILE_BYTES) throw new GraphError(131053);
    res.json({ h: simulator.closeUpload(req.url.replace(/^\//, ''), size_bytes) });
  });

  version.post('/:id/messages', async (req, res) => {
    await pause(simulator.options.delays.answer_ms);
    const { answer, fault } = simulator.send(idOf(req), req.body);
    await pause(fault?.latency_ms ?? 0);
    if (!fault || !misbehave(req, res, fault)) res.json(answer);
  });

  version.post('/:id/media', faulty('media'), uploadTo(simulator.media), (req, res) => {
    const { phone_number_id } = number(req);
    if (stringAt(req.body, 'messaging_product') !== 'whatsapp') throw new GraphError(100, 'The parameter messaging_product is required.');
    const file = uploaded(req);
    if (!file) throw new GraphError(100, 'The parameter file is required.');
    const declared = stringAt(req.body, 'type');
    const mime_type = file.mimetype === 'application/octet-stream' && declared ? declared : file.mimetype;
    res.json({ id: simulator.media.upload(phone_number_id, file.arrived, { mime_type, filename: file.originalname }).id });
  });

  version.get('/:id/whatsapp_business_profile', faulty('number'), (req, res) => {
    res.json({ data: [chosen(req, simulator.profile(number(req).phone_number_id))] });
  });
  version.post('/:id/whatsapp_business_profile', faulty('number'), (req, res) => {
    simulator.setProfile(number(req).phone_number_id, isObject(req.body) ? req.body : {});
    res.json({ success: true });
  });
  version.post(['/:id/register', '/:id/deregister', '/:id/request_code', '/:id/verify_code', '/:id/settings'], (req, res) => {
    number(req);
    res.json({ success: true });
  });

  version.get('/:id/phone_numbers', faulty('number'), (req, res) => {
    res.json({
      data: simulator.numbersOf(waba(req)).map((n) => chosen(req, numberFields(n))),
      paging: { cursors: { before: 'MA', after: 'MA' } },
    });
  });
  version
    .route('/:id/subscribed_apps')
    .get((req, res) => {
      const { subscribed, override_callback_uri } = simulator.subscription(waba(req));
      const app = {
        whatsapp_business_api_data: { id: APP_ID, name: 'PyTake simulator' },
        ...(override_callback_uri ? { override_callback_uri } : {}),
      };
      res.json({ data: subscribed ? [app] : [] });
    })
    .post((req, res) => {
      simulator.subscribe(waba(req), true, stringAt(req.body, 'override_callback_uri'));
      res.json({ success: true });
    })
    .delete((req, res) => {
      simulator.subscribe(waba(req), false);
      res.json({ success: true });
    });

  version
    .route('/:id/message_templates')
    .all(faulty('templates'))
    .get((req, res) => {
      const wanted = ['name', 'status', 'language', 'category']
        .map((key) => [key, queryOf(req, key)] as const)
        .filter(([, value]) => value !== undefined);
      const all = simulator.templates(waba(req)).filter((t) => wanted.every(([key, value]) => (t as unknown as JsonObject)[key] === value));
      const limit = Math.min(Math.max(Number(queryOf(req, 'limit') ?? 25) || 25, 1), 1000);
      const start = Number(Buffer.from(queryOf(req, 'after') ?? '', 'base64url').toString()) || 0;
      const after = Buffer.from(String(start + limit)).toString('base64url');
      const next = new URL(`${req.protocol}://${req.get('host') ?? 'localhost'}${req.originalUrl}`);
      next.searchParams.set('after', after);
      res.json({
        data: all
          .slice(start, start + limit)
          .map((t) => chosen(req, templateFields(t), ['name', 'parameter_format', 'components', 'language', 'status', 'category', 'id'])),
        paging: {
          cursors: { before: Buffer.from(String(start)).toString('base64url'), after },
          ...(start + limit < all.length ? { next: next.href } : {}),
        },
      });
    })
    .post((req, res) => {
      const { id, status, category } = simulator.createTemplate(waba(req), req.body);
      res.json({ id, status, category });
    })
    .delete((req, res) => {
      const name = queryOf(req, 'name');
      if (!name) throw new GraphError(100, 'The parameter name is required.');
      simulator.deleteTemplates(waba(req), name, queryOf(req, 'hsm_id'));
      res.json({ success: true });
    });

  version
    .route('/:id')
    .get(faulty('number'), (req, res) => {
      const id = idOf(req);
      const media = simulator.media.get(id);
      if (media) {
        const owner = queryOf(req, 'phone_number_id');
        if (owner !== undefined && owner !== media.phone_number_id) throw noSuchObject('GET', id);
        const { mime_type, size_bytes, sha256 } = media;
        return void res.json({
          messaging_product: 'whatsapp',
          url: mediaUrl(req, media),
          mime_type,
          sha256: sha256.toString('hex'),
          file_size: size_bytes,
          id,
        });
      }
      const template = simulator.template(id);
      if (template) return void res.json(chosen(req, templateFields(template)));
      if (simulator.numbersOf(id).length)
        return void res.json(chosen(req, { id, name: 'PyTake simulator', currency: 'BRL', timezone_id: '25' }));
      return void res.json(chosen(req, numberFields(number(req)), DEFAULT_NUMBER_FIELDS));
    })
    .post(faulty('templates'), (req, res) => {
      const template = simulator.template(idOf(req));
      if (template) simulator.editTemplate(template, req.body);
      else number(req);
      res.json({ success: true });
    })
    .delete((req, res) => {
      if (!simulator.media.delete(idOf(req))) throw noSuchObject('DELETE', idOf(req));
      res.json({ success: true });
    });

  router.use((req, _res) => {
    throw new GraphError(2500, `Unknown path components: ${req.path}`);
  });
  router.use(asGraphError);
  return router;
}

const asGraphError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return void next(error);
  const known =
    error instanceof GraphError
      ? error
      : error instanceof multer.MulterError || error instanceof RangeError
        ? new GraphError(131053, error.message)
        : stringAt(error, 'type')?.startsWith('entity.')
          ? new GraphError(100, 'The request body is not valid JSON')
          : new GraphError(1);
  if (known.code === 190) res.set('www-authenticate', 'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token."');
  res.status(known.http_status).json(known.body());
};

const DEFAULT_NUMBER_FIELDS = [
  'verified_name',
  'code_verification_status',
  'display_phone_number',
  'quality_rating',
  'platform_type',
  'throughput',
  'id',
];

function numberFields(number: SimulatorNumber): JsonObject {
  return {
    id: number.phone_number_id,
    display_phone_number: number.display_phone_number,
    verified_name: number.verified_name,
    quality_rating: 'GREEN',
    quality_score: { score: 'GREEN' },
    status: 'CONNECTED',
    name_status: 'APPROVED',
    code_verification_status: 'VERIFIED',
    platform_type: 'CLOUD_API',
    account_mode: 'LIVE',
    throughput: { level: 'STANDARD' },
    is_pin_enabled: false,
    is_official_business_account: false,
    whatsapp_business_manager_messaging_limit: 'TIER_2K',
    health_status: {
      can_send_message: 'AVAILABLE',
      entities: [{ entity_type: 'PHONE_NUMBER', id: number.phone_number_id, can_send_message: 'AVAILABLE' }],
    },
    webhook_configuration: {},
  };
}

function templateFields({ waba_id: _, ...fields }: Template): JsonObject {
  return fields;
}

/** `?fields=`: the asked ones and the id; an unknown one is an error, as at Meta. */
function chosen(req: Request, all: JsonObject, usual?: string[]): JsonObject {
  const asked = queryOf(req, 'fields')
    ?.split(',')
    .map((field) => field.trim())
    .filter(Boolean);
  const names = asked ?? usual;
  if (!names) return all;
  const unknown = names.find((name) => !(name in all) && !OPTIONAL_FIELDS.includes(name));
  if (unknown !== undefined) throw new GraphError(100, `Tried accessing nonexisting field (${unknown})`);
  return Object.fromEntries(Object.entries(all).filter(([key]) => key === 'id' || names.includes(key)));
}

/** Fields Meta knows and leaves out while they are empty. */
const OPTIONAL_FIELDS = [
  'about',
  'address',
  'description',
  'email',
  'websites',
  'vertical',
  'profile_picture_url',
  'previous_category',
  'new_name_status',
  'is_on_biz_app',
  'last_onboarded_time',
  'message_send_ttl_seconds',
  'sub_category',
  'messaging_limit_tier',
  'certificate',
];

function idOf(req: Request): string {
  return String(req.params['id']);
}

function queryOf(req: Request, key: string): string | undefined {
  return stringAt(req.query, key);
}

function urlHash(key: Buffer, mid: string, ext: string): string {
  return createHmac('sha256', key).update(`${mid}:${ext}`).digest('base64url');
}
