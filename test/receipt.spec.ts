import { InboundWorker } from '../src/modules/conversations/filing/inbound.worker';
import { metaPayload, signMeta } from './support/meta-payloads';
import { world } from './support/world';

it('boots and files', async () => {
  const w = await world();
  console.log(w.base_url, typeof InboundWorker, typeof metaPayload, typeof signMeta);
});
