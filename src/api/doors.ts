import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { RequestMethod } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, RequestHandler, Response } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { type Trust, clientAddress } from '#access/client-address';
import type { AppRequest } from '#access/request';
import { assertFit } from '#common/fit';
import type { Config } from '#config/config';
import { actsFor, onBehalf } from '#database/connections';
import { ACCOUNT_PAGES } from '#modules/auth/account-pages';
import { lingerBriefly, readBodies } from './bodies';
import { serveDocuments } from './documents';
import { GraphqlDoor } from './graphql.door';

const API_PREFIX = 'api/v1';

const WEBHOOK = `/${API_PREFIX}/whatsapp/webhook`;
/** Files come to an Evolution API in its JSON. */
const FAKE_EVOLUTION = '/simulator/evolution';
const HEADERS_MS = 20_000;
/** Uploads over a slow line take their time; all other bodies have their own, shorter one. */
const REQUEST_MS = 300_000;

const EXPOSED = [
  'X-Total-Count',
  'X-Request-ID',
  'X-Trace-Id',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'Deprecated',
];

/** What stands in front of every route: headers, CORS, bodies, prefix, documents. */
export function openDoors(app: NestExpressApplication, config: Config): void {
  app.set('trust proxy', config.trust_proxy);
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use((request: AppRequest, _response: Response, next: NextFunction) => {
    // Express hands on whatever stands in X-Forwarded-For.
    const value = clientAddress(request, request.app.get('trust proxy fn') as Trust);
    Object.defineProperty(request, 'ip', { value: value ?? undefined });
    next();
  });
  Object.assign(app.getHttpServer(), { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS });

  // A provider's webhook is read by its room, once it may be (the signature is over the raw bytes), and needs no header meant for browsers.
  app.use([WEBHOOK, FAKE_EVOLUTION], (request: AppRequest, response: Response, next: NextFunction) => {
    request.reads_own_body = true;
    lingerBriefly(request, response);
    next();
  });
  const unlessWebhook =
    (handler: RequestHandler): RequestHandler =>
    (request: AppRequest, response, next) =>
      request.reads_own_body ? next() : void handler(request, response, next);
  const secureHeaders = headersOf({
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        mediaSrc: ["'self'", 'data:', 'blob:'],
        workerSrc: ["'self'", 'blob:'],
        connectSrc: ["'self'", 'ws:', 'wss:'],
        upgradeInsecureRequests: null,
      },
    },
    // The embedded profile is plain HTTP on a local machine; TLS and HSTS are the proxy's in front of production.
    strictTransportSecurity: config.production,
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  });
  app.use(
    unlessWebhook((_request, response, next) => {
      for (const [name, value] of secureHeaders) response.setHeader(name, value);
      next();
    }),
  );
  app.enableCors({
    origin: config.cors_origins.includes('*') ? true : config.cors_origins.length ? config.cors_origins : false,
    credentials: true,
    exposedHeaders: EXPOSED,
    maxAge: 600,
  });
  app.use(unlessWebhook(readBodies({ ours: [`/${API_PREFIX}/`, '/graphql'], guarded: ['/simulator/'] })));
  app.use((_request: AppRequest, response: Response, next: NextFunction) =>
    onBehalf(() => {
      response.once('close', () => actsFor(undefined));
      next();
    }),
  );
  app.use((request: AppRequest, _response: Response, next: NextFunction) => {
    // GraphQL answers in its own shape.
    if (!request.reads_own_body && request.path !== '/graphql') {
      assertFit(request.body, 'body');
      assertFit(request.query, 'query');
    }
    next();
  });

  app.setGlobalPrefix(API_PREFIX, {
    exclude: [
      { path: '', method: RequestMethod.GET },
      ...ACCOUNT_PAGES.map((path) => ({ path, method: RequestMethod.GET })),
      { path: 'observability/*path', method: RequestMethod.ALL },
      { path: 'simulator', method: RequestMethod.ALL },
      { path: 'simulator/*path', method: RequestMethod.ALL },
    ],
  });
  serveDocuments(app, config);
  // Asked for when a request comes: who only writes the documents has no such thing.
  app.use('/graphql', (request: AppRequest, response: Response, next: NextFunction) => app.get(GraphqlDoor).pass(request, response, next));
}

/** Helmet's headers are the same for every answer: it is asked once. */
function headersOf(options: HelmetOptions): [name: string, value: string][] {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet(options)(request, response, () => undefined);
  return Object.entries(response.getHeaders() as Record<string, string>);
}
