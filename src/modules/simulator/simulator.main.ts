import express from 'express';
import { GraphSimulator } from './graph-simulator';
import { SIMULATOR_ACCESS_TOKEN, SIMULATOR_DEMO_NUMBER } from './simulator-number';

/**
 * The simulator alone, for load and chaos tests: `npm run simulator`. It belongs to no PyTake, hence its own few settings:
 * SIMULATOR_PORT (8010; 0: any), SIMULATOR_HOST (127.0.0.1), SIMULATOR_WEBHOOK_URL, SIMULATOR_ACCESS_TOKEN, META_APP_SECRET.
 */
function start(env: NodeJS.ProcessEnv): void {
  const simulator = new GraphSimulator({
    app_secret: env['META_APP_SECRET'] ?? 'simulator-app-secret',
    access_token: env['SIMULATOR_ACCESS_TOKEN'] ?? SIMULATOR_ACCESS_TOKEN,
    webhook_url: env['SIMULATOR_WEBHOOK_URL'] ?? 'http://127.0.0.1:8000/api/v1/whatsapp/webhook',
    numbers: [SIMULATOR_DEMO_NUMBER],
    accepts: (phone_number_id) => /^\d{15}$/.test(phone_number_id),
  });
  const app = express().disable('x-powered-by');
  // The paths of the mounted simulator and Meta's own, so that either base URL works.
  app.use('/simulator/graph', simulator.graph);
  app.use('/simulator/evolution', simulator.evolutionApi);
  app.use('/simulator/api', simulator.api);
  app.use((req, res, next) => (/^\/(control|phone)\//.test(req.path) ? simulator.api(req, res, next) : next()));
  app.use((req, res, next) => (/^\/(instance|message|chat|webhook)\//.test(req.path) ? simulator.evolutionApi(req, res, next) : next()));
  app.use(simulator.graph);

  const server = app.listen(Number(env['SIMULATOR_PORT'] ?? 8010), env['SIMULATOR_HOST'] ?? '127.0.0.1', () => {
    const address = server.address();
    const url = typeof address === 'object' && address ? `http://${address.address}:${address.port}` : String(address);
    console.log(
      `WhatsApp simulator: ${url}\n  Graph API  META_GRAPH_BASE_URL=${url}\n  Evolution  EVOLUTION_API_URL=${url}\n  control    ${url}/control/state\n  webhooks   ${String(simulator.options.webhook_url)}`,
    );
  });
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
    void simulator.close();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

start(process.env);
