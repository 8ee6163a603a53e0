import { declareDemo } from '#database/demo-rows';
import { SecretsService } from './secrets.service';

/** A key for OpenAI that is none. */
export const DEMO_SECRET_ID = '019aa000-0000-7000-8000-000000000e01';

declareDemo(async ({ app, tx, actor, id }) => {
  const value = 'sk-demo-0000-not-a-real-key';
  await app
    .get(SecretsService)
    .add(tx, actor, { id: id(DEMO_SECRET_ID), key: 'OPENAI_API_KEY', display_name: 'OpenAI', service: 'openai' }, value);
});
