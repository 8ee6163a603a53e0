import { readFile } from 'node:fs/promises';
import type { INestApplication } from '@nestjs/common';
import { SwaggerModule } from '@nestjs/swagger';
import type * as Altair from 'altair-static';
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import type { Config } from '#config/config';
import { buildAsyncApi } from './asyncapi';
import { noSuchRoute, sendError } from './errors.filter';
import { FAVICON, FAVICON_LINK } from './favicon';
import { buildOpenApi } from './openapi';
import { errorsPage, realtimePage } from './pages';

/**
 * The documents people read in a browser: OpenAPI, Swagger UI, ReDoc, AsyncAPI, the errors, the GraphQL IDE. All from this server, nothing from outside.
 * They are built when first asked for: a worker and most starts never need them.
 */
export function serveDocuments(app: INestApplication, config: Config): void {
  const server = app.getHttpAdapter().getInstance() as Express;
  if (config.docs_enabled) serveEach(app, config, server);
  // Apollo's own mount would take every path below /graphql for a query.
  server.use('/graphql', (request: Request, response: Response, next: NextFunction) => {
    if (request.path === '/') return next();
    sendError(response, noSuchRoute(config));
  });
}

function serveEach(app: INestApplication, config: Config, server: Express): void {
  let document: ReturnType<typeof buildOpenApi> | undefined;
  const openApi = (): ReturnType<typeof buildOpenApi> => (document ??= buildOpenApi(app, config));

  let realtime: ReturnType<typeof buildAsyncApi> | undefined;
  const asyncApi = (): ReturnType<typeof buildAsyncApi> => (realtime ??= buildAsyncApi(app, config));

  server.get('/api/v1/openapi.json', (_request: Request, response: Response) => void response.json(openApi()));
  server.get('/api/v1/asyncapi.json', (_request: Request, response: Response) => void response.json(asyncApi()));
  server.get('/api/v1/realtime', (_request: Request, response: Response) => void response.type('html').send(realtimePage(asyncApi())));
  server.get('/api/v1/errors', (_request: Request, response: Response) => void response.type('html').send(errorsPage()));
  SwaggerModule.setup('api/v1/docs', app, openApi, {
    raw: false,
    customSiteTitle: 'PyTake API',
    swaggerOptions: { persistAuthorization: true, docExpansion: 'none', tagsSorter: 'alpha' },
  });

  server.get('/api/v1/redoc/assets/redoc.standalone.js', async (_request: Request, response: Response) => {
    const bundle = await readFile(require.resolve('redoc/bundles/redoc.standalone.js'), 'utf8');
    response.set('Cache-Control', 'public, max-age=86400').type('js').send(bundle.replaceAll(REDOC_LOGO, FAVICON));
  });
  server.get('/api/v1/redoc', (_request: Request, response: Response) => void response.type('html').send(REDOC_PAGE));

  // A library of its own size, for who opens the IDE.
  const altair = (): Promise<typeof Altair> => import('altair-static');
  let assets: RequestHandler | undefined;
  server.use('/graphql/playground/assets', async (request: Request, response: Response, next: NextFunction) => {
    assets ??= express.static((await altair()).getDistDirectory(), { maxAge: '1d', index: false });
    assets(request, response, next);
  });
  const playground = async (_request: Request, response: Response): Promise<void> => {
    // The IDE's page starts itself with an inline script.
    response.setHeader(
      'Content-Security-Policy',
      "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'",
    );
    const ide = (await altair()).renderAltair({
      baseURL: '/graphql/playground/assets/',
      endpointURL: '/graphql',
      initialQuery: '{ me { full_name email } }',
      // Its maker's service, and the advertising for it.
      disableAccount: true,
      persistedSettings: { 'banners.disable': true, 'alert.disableUpdateNotification': true, disablePushNotification: true },
    });
    response.type('html').send(ide);
  };
  server.get('/graphql/playground', playground);
  server.get('/graphql', (request: Request, response: Response, next: NextFunction) =>
    request.query.query ? next() : playground(request, response),
  );
}

/** The one thing ReDoc would fetch from elsewhere. */
const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

const REDOC_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>PyTake API</title>${FAVICON_LINK}<style>body { margin: 0 }</style></head>
<body><redoc spec-url="/api/v1/openapi.json" disable-search="false" hide-hostname="true"></redoc><script src="/api/v1/redoc/assets/redoc.standalone.js"></script></body>
</html>`;
