import { Config } from '#config/config';
import { newId } from '#common/uuid';
import { type DueRow, DueRows } from '#database/due-rows';
import { Signals } from '#database/signals';
import { DeliverMessage } from '#modules/conversations/messages/deliver-message';
import { FetchMedia } from '#modules/whatsapp/media/fetch-media';
import { officialNumber } from './support/official-number';
import { until } from './support/sockets';
import { type Company, type World, world } from './support/world';

/** Due rows of a process of its own, whose work ends when told. */
function process(w: World): { wake: (row: DueRow) => void; begun: DueRow[]; end: () => Promise<void> } {
  const rows = new DueRows(w.app.get(Config), w.app.get(Signals));
  const begun: DueRow[] = [];
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const wake = rows.add({
    name: 'test',
    concurrency: 4,
    timeout_seconds: 60,
    sweep_seconds: 60,
    work: async (row) => {
      begun.push(row);
      await ended;
      return null;
    },
    overdue: () => Promise.resolve([]),
  });
  return {
    wake,
    begun,
    end: () => {
      end();
      return rows.idle();
    },
  };
}

it('that wake in a flood leave places to other organizations, and give theirs back', async () => {
  const w = await world();
  const { wake, begun, end } = process(w);
  const [flood, rest] = [newId(), newId()];

  for (let n = 0; n < 30_000; n++) wake({ organization_id: w.acme.id, id: newId() });
  wake({ organization_id: w.globex.id, id: flood });

  await until(() => begun.some(({ id }) => id === flood), 'the turn of the other organization');
  await end();
  const worked = begun.length;
  wake({ organization_id: w.acme.id, id: rest });
  await until(() => begun.length > worked, 'a place that was given back');
  expect(begun.at(-1)).toEqual({ organization_id: w.acme.id, id: rest });
});

it('that are looked for are of every organization the first, then the second', async () => {
  const w = await world();
  // Nobody works on them.
  await w.app.get(DueRows).onModuleDestroy();
  const [sends, files] = [w.app.get(DeliverMessage), w.app.get(FetchMedia)];
  for (let n = 0; n < 5; n++) await overdue(w, w.acme, 60 - n);
  const own = await overdue(w, w.globex, 10);

  expect(await sends.overdue(2)).toEqual(
    expect.arrayContaining([expect.objectContaining({ organization_id: w.acme.id }), { organization_id: w.globex.id, id: own.number_id }]),
  );
  expect(await files.overdue(2)).toEqual(
    expect.arrayContaining([expect.objectContaining({ organization_id: w.acme.id }), { organization_id: w.globex.id, id: own.file_id }]),
  );
  expect(await sends.overdue(100)).toHaveLength(6);
  expect(await files.overdue(100)).toHaveLength(6);
});

/** A message to send in a conversation of its own, and a file to fetch, which nobody has been at for so long. */
async function overdue(w: World, company: Company, minutes: number): Promise<{ number_id: string; file_id: string }> {
  const number = await officialNumber(w, company);
  const { body } = await company.agent
    .post('/conversations', { contact_phone: '+5511988887777', whatsapp_number_id: number.id })
    .expect(201);
  const { id: conversation_id, contact_id } = body as { id: string; contact_id: string };
  const [message_id, file_id] = [newId(), newId()];
  await w.sql(
    `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status)
     VALUES ($1, $2, $3, $4, $5, 'outgoing', 'agent', 'text', 'Oi', 'pending')`,
    [message_id, company.id, conversation_id, contact_id, number.id],
  );
  await w.sql(
    `INSERT INTO outbound_sends (message_id, organization_id, conversation_id, whatsapp_number_id, due_at) VALUES ($1, $2, $3, $4, now() - make_interval(mins => $5))`,
    [message_id, company.id, conversation_id, number.id, minutes],
  );
  await w.sql(
    `INSERT INTO media_files (id, organization_id, mime_type, status, due_at) VALUES ($1, $2, 'image/png', 'pending', now() - make_interval(mins => $3))`,
    [file_id, company.id, minutes],
  );
  return { number_id: number.id, file_id };
}
