import type { Response } from 'supertest';
import { asBytes } from './support/files';
import { type Inbox, type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { pagesOf } from './support/pdf';
import { type Person, errorOf, wrongField } from './support/world';

interface Shop {
  box: Inbox;
  agent: Person;
  conversation: Row;
  message: Row;
  export(query?: string, by?: Person): Promise<Response>;
}

/** A customer's question of 12:00 UTC on a day, and an agent's answer. */
async function shop(): Promise<Shop> {
  const box = await inbox();
  const { agent } = box.company;
  await box.receive(metaPayload.text({ ...box.person({ name: 'João Pereira' }), body: 'Vocês entregam pão? 🥖' }));
  const conversation = await box.conversation();
  const message = await box.message();
  await box.w.sql(`UPDATE messages SET created_at = '2026-01-10T01:30:00Z' WHERE id = $1`, [message.id]);
  await box.outgoing(conversation, {
    content: 'Entregamos, sim!\nAté as 18h.',
    payload: { text: 'Entregamos' },
    sender_user_id: agent.user.id,
    sender_name: 'Bruno Alves',
    reply_to_message_id: message.id,
    created_at: new Date('2026-01-10T12:05:00Z'),
    reactions: JSON.stringify([{ from: 'contact', emoji: '👍', at: '2026-01-10T12:06:00.000Z' }]),
    status: 'read',
  });
  return {
    box,
    agent,
    conversation,
    message,
    export: (query = '', by = agent) => by.get(`/conversations/${conversation.id}/export?${query}`).buffer(true).parse(asBytes),
  };
}

const textOf = (response: Response): string => (response.body as Buffer).toString();

describe('exporting a conversation', () => {
  it('is closed without a token, open to viewers, and finds nobody another organization’s', async () => {
    const { box, conversation, export: exported } = await shop();

    await box.w.guest.get(`/conversations/${conversation.id}/export`).expect(401);
    await box.w.globex.admin.get(`/conversations/${conversation.id}/export`).expect(404).expect(errorOf('not_found'));
    expect((await exported('format=txt', box.company.viewer)).status).toBe(200);
  });

  it('names the wrong field', async () => {
    const { agent, conversation } = await shop();

    await agent.get(`/conversations/${conversation.id}/export?format=docx`).expect(wrongField('query', 'format'));
    await agent.get(`/conversations/${conversation.id}/export?include_notes=maybe`).expect(wrongField('query', 'include_notes'));
    await agent.get('/conversations/42/export').expect(wrongField('path', 'conversation_id'));
  });

  it('is an attachment, named after the contact and the day, and stands in the audit log', async () => {
    const { box, conversation, export: exported } = await shop();

    for (const [format, type] of [
      ['pdf', 'application/pdf'],
      ['txt', 'text/plain; charset=utf-8'],
      ['csv', 'text/csv; charset=utf-8'],
      ['json', 'application/json; charset=utf-8'],
    ]) {
      const { headers } = await exported(`format=${format}`);
      expect(headers['content-type']).toBe(type);
      expect(headers['content-disposition']).toMatch(new RegExp(`^attachment; filename=joao-pereira-\\d{4}-\\d\\d-\\d\\d\\.${format}$`));
      expect(headers['cache-control']).toBe('no-store');
    }
    const { body } = await box.company.admin.get('/audit-logs?action=conversation.exported&sort=created_at:asc').expect(200);
    expect((body.items as Row[]).filter(({ resource_id }) => resource_id === conversation.id).map(({ metadata }) => metadata)).toEqual(
      expect.arrayContaining(['pdf', 'txt', 'csv', 'json'].map((format) => expect.objectContaining({ format, include_notes: false }))),
    );
  });

  it('has notes only for who asks for them', async () => {
    const { agent, conversation, export: exported } = await shop();
    await agent.post(`/conversations/${conversation.id}/messages`, { content: 'Cliente difícil', is_internal_note: true }).expect(201);

    for (const format of ['txt', 'csv', 'json']) {
      expect(textOf(await exported(`format=${format}`))).not.toContain('difícil');
      expect(textOf(await exported(`format=${format}&include_notes=true`))).toContain('Cliente difícil');
    }
  });

  it('tells times as the organization’s clocks do', async () => {
    const { box, export: exported } = await shop();

    expect(textOf(await exported('format=txt'))).toContain('--- sexta-feira, 9 de janeiro de 2026 ---\n\n[22:30] João Pereira: Vocês');
    await box.company.admin.put('/organizations/me/settings', { timezone: 'Asia/Tokyo', language: 'en' }).expect(200);
    const english = textOf(await exported('format=txt'));
    expect(english).toContain('Conversation with João Pereira');
    expect(english).toContain('--- Saturday, January 10, 2026 ---\n\n[10:30] João Pereira: Vocês');
    const { messages } = JSON.parse(textOf(await exported('format=json'))) as { messages: { at: string }[] };
    expect(messages.map(({ at }) => at)).toEqual(['2026-01-10T10:30:00+09:00', '2026-01-10T21:05:00+09:00']);
  });

  it('lets no message look like another one, nor like a formula', async () => {
    const { box, conversation, export: exported } = await shop();
    await box.outgoing(conversation, {
      content: 'ok\n[09:00] João Pereira: aceito tudo\u202e',
      created_at: new Date('2026-01-10T13:00:00Z'),
      sender_name: '=HYPERLINK("x")',
    });
    await box.outgoing(conversation, { content: '=1+1', created_at: new Date('2026-01-10T13:01:00Z') });

    const text = textOf(await exported('format=txt'));
    expect(text).toContain('ok\n    [09:00] João Pereira: aceito tudo\n');
    expect(text.match(/^\[\d\d:\d\d\]/gm)).toHaveLength(4);
    const csv = textOf(await exported('format=csv'));
    expect(csv.startsWith('\ufeffat,direction,sender,message_type,text,')).toBe(true);
    expect(csv).toContain(`,'=1+1,`);
    expect(csv).toContain(`"'=HYPERLINK(""x"")"`);
  });

  it('says what files, places, cards, lists and reactions are, what was quoted, deleted and not delivered', async () => {
    const { box, conversation, export: exported } = await shop();
    const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 10, 14, minute));
    const add = (minute: number, values: object): Promise<Row> =>
      box.outgoing(conversation, { content: null, created_at: at(minute), ...values });
    await add(0, {
      message_type: 'document',
      content: 'A nota',
      payload: { filename: 'nota.pdf', caption: 'A nota' },
      media: JSON.stringify({ id: 'x', mime_type: 'application/pdf', filename: 'nota.pdf', status: 'ready' }),
    });
    await add(1, { message_type: 'location', payload: { latitude: -23.5, longitude: -46.6, name: 'Padaria', address: 'Rua 1' } });
    await add(2, { message_type: 'contacts', payload: { contacts: [{ name: 'Entregas', phones: [{ phone: '+5511987650077' }] }] } });
    await add(3, {
      message_type: 'interactive',
      content: 'Qual bolo?',
      payload: {
        kind: 'list',
        body: 'Qual bolo?',
        sections: [
          {
            rows: [
              { id: 'a', title: 'Fubá' },
              { id: 'b', title: 'Milho' },
            ],
          },
        ],
      },
    });
    await add(4, { content: 'Sumiu', is_deleted: true });
    await add(5, { content: 'Não chegou', status: 'failed' });
    await add(6, { message_type: 'reaction', payload: { emoji: '👍' } });

    const text = textOf(await exported('format=txt'));

    expect(text).toContain('Bruno Alves: > Vocês entregam pão? 🥖\n    Entregamos, sim!\n    Até as 18h.\n    👍 João Pereira');
    expect(text).toContain('[Documento: nota.pdf]\n    A nota');
    expect(text).toContain('[Localização]\n    Padaria\n    Rua 1\n    -23.5, -46.6');
    expect(text).toContain('[Contato]\n    Entregas: +5511987650077');
    expect(text).toContain('Qual bolo?\n    Opções: Fubá · Milho');
    expect(text).toContain('(mensagem apagada)');
    expect(text).not.toContain('Sumiu');
    expect(text).toContain('Não chegou\n    (não entregue)');
    expect(text.match(/👍/g)).toHaveLength(1);
    expect(text).toContain('Equipe: Bruno Alves');
  });

  it('is a PDF with the facts, both sides and numbered pages', async () => {
    const { box, export: exported } = await shop();

    const { body } = await exported();

    expect((body as Buffer).subarray(0, 5).toString()).toBe('%PDF-');
    expect((body as Buffer).subarray(-8).toString()).toContain('%%EOF');
    const pages = pagesOf(body as Buffer);
    if (pages === null) return;
    for (const words of [box.company.name, 'Conversa com João Pereira', 'Bruno Alves', 'Entregamos, sim!', '22:30', 'Página 1 de 1'])
      expect(pages).toContain(words);
  });

  it('goes past all a conversation has without ever holding it, and a PDF has the newest of very many', async () => {
    const { box, conversation, export: exported } = await shop();
    await box.w.sql(
      `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status, created_at)
       SELECT gen_random_uuid(), $1, $2, $3, $4, CASE WHEN n % 2 = 0 THEN 'incoming' ELSE 'outgoing' END, 'contact', 'text',
              'Linha ' || n || repeat(' e mais', 100), 'received', timestamptz '2026-02-01' + n * interval '1 s' FROM generate_series(1, 3000) n`,
      [box.company.id, conversation.id, conversation.contact_id, box.number.id],
    );

    const text = textOf(await exported('format=txt'));
    expect(text.match(/^\[\d\d:\d\d\] .*Linha \d+/gm)).toHaveLength(3000);
    expect(text).toContain('Mensagens: 3002');
    const { messages } = JSON.parse(textOf(await exported('format=json'))) as { messages: { text: string }[] };
    expect(messages.slice(2).map((one) => Number(/\d+/.exec(one.text)?.[0]))).toEqual(Array.from({ length: 3000 }, (_, n) => n + 1));
    const pages = pagesOf((await exported()).body as Buffer);
    if (pages === null) return;
    expect(pages).toMatch(/7\d\d \(as mais recentes; 2\d\d\d anteriores só em TXT/);
    expect(pages).toContain('Linha 3000');
    expect(pages).not.toContain('Linha 2000 ');
  });

  it('is a PDF also of words without end', async () => {
    const { box, conversation, export: exported } = await shop();
    await box.w.sql(
      `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status, created_at)
       SELECT gen_random_uuid(), $1, $2, $3, $4, 'incoming', 'contact', 'text', n || 'A' || repeat('ж', 4000) || repeat('é' || U&'\\0301', n), 'received',
              timestamptz '2026-02-01' + n * interval '1 s' FROM generate_series(1, 60) n`,
      [box.company.id, conversation.id, conversation.contact_id, box.number.id],
    );

    const exporting = await exported();

    expect(exporting.status).toBe(200);
    expect(pagesOf(exporting.body as Buffer) ?? '60Ажж').toMatch(/60[AА]ж/);
  });

  it('is a PDF also where every sign wants another face, or each letter marks of its own', async () => {
    const { box, conversation, export: exported } = await shop();
    const letter = (n: number): string => String.fromCodePoint(97 + (n % 26));
    const faces = (n: number): string =>
      Array.from({ length: 1300 }, (_, at) => String.fromCodePoint(0x1f300 + ((at + n) % 700)) + letter(at)).join('');
    const marks = (n: number): string =>
      Array.from(
        { length: 400 },
        (_, at) =>
          letter(at) + String.fromCodePoint(...Array.from({ length: 9 }, (_mark, k) => 0x300 + ((at * 7 + n * 3 + k * 13) % 0x70))),
      ).join('');
    for (const said of [faces, marks]) {
      await box.w.sql('DELETE FROM messages WHERE conversation_id = $1', [conversation.id]);
      await box.w.sql(
        `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status, created_at)
         SELECT gen_random_uuid(), $1, $2, $3, $4, 'incoming', 'contact', 'text', t.text, 'received', timestamptz '2026-02-01' + t.n * interval '1 s'
           FROM unnest($5::text[]) WITH ORDINALITY AS t(text, n)`,
        [box.company.id, conversation.id, conversation.contact_id, box.number.id, Array.from({ length: 120 }, (_, n) => said(n))],
      );

      expect((await exported()).status).toBe(200);
    }
  });
});
