import { RequestMethod } from '@nestjs/common';
import type { ExpressAdapter, NestExpressApplication } from '@nestjs/platform-express';
import express, { type NextFunction, type Response } from 'express';
import helmet from 'helmet';
import type { AppRequest } from '#access/request';
import { assertFit } from '#common/fit';
import type { Config } from '#config/config';
import { serveDocuments } from './documents';

export const API_PREFIX = 'api/v1';

/** Meta: "up to 3 MB"; Evolution sends media inside as base64. */
const WEBHOOK_BODY = '3mb';
const JSON_BODY = '1mb';

const EXPOSED = [
  'X-Total-Count',
  'X-Request-ID',
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

  // The provider's webhook keeps its raw bytes (the signature is over them) and needs no header meant for browsers.
  app.use(
    `/${API_PREFIX}/whatsapp/webhook`,
    express.raw({ type: () => true, limit: WEBHOOK_BODY }),
    (request: AppRequest, _response: Response, next: NextFunction) => {
      request.raw_body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      next();
    },
  );
  const secureHeaders = helmet({
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
  const webhook = `/${API_PREFIX}/whatsapp/webhook`;
  app.use((request: AppRequest, response: Response, next: NextFunction) =>
    request.path.startsWith(webhook) ? next() : secureHeaders(request, response, next),
  );
  app.enableCors({
    origin: config.cors_origins.includes('*') ? true : config.cors_origins.length ? config.cors_origins : false,
    credentials: true,
    exposedHeaders: EXPOSED,
    maxAge: 600,
  });
  const json = express.json({ limit: JSON_BODY });
  app.use((request: AppRequest, response: Response, next: NextFunction) => (request.raw_body ? next() : json(request, response, next)));
  app.use(express.urlencoded({ extended: false, limit: JSON_BODY }));
  app.use((request: AppRequest, _response: Response, next: NextFunction) => {
    // A webhook's bytes are its own room's to read; GraphQL answers in its own shape.
    if (!request.raw_body && request.path !== '/graphql') {
      assertFit(request.body, 'body');
      assertFit(request.query, 'query');
    }
    next();
  });

  app.setGlobalPrefix(API_PREFIX, {
    exclude: [
      { path: '', method: RequestMethod.GET },
      { path: 'observability/*path', method: RequestMethod.ALL },
      { path: 'simulator', method: RequestMethod.ALL },
      { path: 'simulator/*path', method: RequestMethod.ALL },
    ],
  });
  serveDocuments(app, config);

  // Nest answers unknown routes below the prefix only; ours have one shape wherever they are.
  const server = app.getHttpAdapter() as ExpressAdapter;
  const setNotFoundHandler = server.setNotFoundHandler.bind(server);
  server.setNotFoundHandler = (handler) => setNotFoundHandler(handler, '');
}
