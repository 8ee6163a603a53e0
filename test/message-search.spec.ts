import { Database } from '#database/database';
import { type Inbox, type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { type Person, errorOf, wrongField } from './support/world';

type Found = Row & { content: string; snippet: string; contact: { id: string; display_name: string } };

interface Page {
  items: Found[];
  total: number;
  next_cursor: string | null;
}

interface Shop {
  box: Inbox;
  agent: Person;
  person: ReturnType<Inbox['person']>;
  conversation: Row;
  /** More of the conversation's messages, the first the oldest, a minute apart. */
  said(...texts: string[]): Promise<void>;
  search(query: string): Promise<Page>;
  texts(query: string): Promise<string[]>;
}

async function shop(): Promise<Shop> {
  const box = await inbox();
  const person = box.person({ name: 'Mariana Costa' });
  await box.receive(metaPayload.text({ ...person, body: 'Bom dia' }));
  const conversation = await box.conversation();
  const { agent } = box.company;
  let minutes = 0;
  const search = async (query: string): Promise<Page> => (await agent.get(`/whatsapp/messages/search?${query}`).expect(200)).body as Page;
  return {
    box,
    agent,
    person,
    conversation,
    said: async (...texts) => {
      for (const content of texts)
        await box.outgoing(conversation, { content, created_at: new Date(Date.UTC(2026, 0, 10, 12, minutes++)), status: 'sent' });
    },
    search,
    texts: async (query) => (await search(query)).items.map(({ content }) => content),
  };
}

describe('searching messages', () => {
  it('is closed without a token, open to viewers, and shows nobody another organization’s', async () => {
    const { box, said } = await shop();
    await said('Segredo nosso');

    await box.w.guest.get('/whatsapp/messages/search?q=segredo').expect(401);
    expect((await box.company.viewer.get('/whatsapp/messages/search?q=segredo').expect(200)).body.total).toBe(1);
    expect((await box.w.globex.admin.get('/whatsapp/messages/search?q=segredo').expect(200)).body).toMatchObject({ items: [], total: 0 });
  });

  it('names the wrong field', async () => {
    const { agent } = await shop();
    const path = '/whatsapp/messages/search';

    await agent.get(path).expect(wrongField('query', 'search'));
    await agent.get(`${path}?q=a`).expect(wrongField('query', 'search'));
    await agent.get(`${path}?q=%20a%20`).expect(wrongField('query', 'search'));
    await agent.get(`${path}?q=ab&from=ontem`).expect(wrongField('query', 'from'));
    await agent.get(`${path}?q=ab&from=2026-02-02&to=2026-02-01`).expect(wrongField('query', 'to'));
    await agent.get(`${path}?q=ab&conversation_id=42`).expect(wrongField('query', 'conversation_id'));
    await agent.get(`${path}?q=ab&direction=sideways`).expect(wrongField('query', 'direction'));
    await agent.get(`${path}?q=ab&sort=content`).expect(wrongField('query', 'sort'));
    await agent.get(`${path}?q=ab&cursor=abc`).expect(wrongField('query', 'cursor'));
    await agent.get(`${path}?q=ab&skip=10001`).expect(wrongField('query', 'skip'));
    await agent.get(`${path}?q=de&from=2026-02-02&to=2026-02-01`).expect(wrongField('query', 'to'));
  });

  it('names it in the list of messages too, also where the words say nothing', async () => {
    const { box, agent } = await shop();
    const [{ id }] = await box.messages();

    for (const list of ['?search=de', '?search=entrega', `?search=entrega&before=${id}`, `?search=de&after=${id}`]) {
      await agent.get(`/whatsapp/messages${list}&cursor=zzz`).expect(wrongField('query', 'cursor'));
      await agent.get(`/whatsapp/messages${list}&skip=10001`).expect(wrongField('query', 'skip'));
      await agent.get(`/whatsapp/messages${list}&sort=content`).expect(wrongField('query', 'sort'));
    }
    await agent.get('/whatsapp/messages?search=de&before=zzz').expect(wrongField('query', 'before'));
  });

  it('is busy after a while beside a message too', async () => {
    const { box, agent, said } = await shop();
    await said('A entrega');
    const held = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const lock = box.w.app.get(Database).tx(async (tx) => {
      await tx.rows('LOCK TABLE messages IN ACCESS EXCLUSIVE MODE');
      locked.resolve();
      await held.promise;
    });
    await locked.promise;
    try {
      await agent.get('/whatsapp/messages?search=entrega&before=2027-01-01T00:00:00Z').expect(503).expect(errorOf('busy'));
    } finally {
      held.resolve();
      await lock;
    }
    const { body } = await agent.get('/whatsapp/messages?search=entrega&before=2027-01-01T00:00:00Z').expect(200);
    expect(body).toMatchObject({ items: [{ content: 'A entrega' }], total: 1 });
  });

  it('finds words in any form, with or without accents, begun only, all of them', async () => {
    const { said, texts } = await shop();
    await said('O pão francês chegou', 'Entregamos amanhã', 'Entrega e retirada', 'Os pães acabaram');

    expect(await texts('q=pao')).toEqual(['O pão francês chegou']);
    expect(await texts('q=PÃES')).toEqual(['Os pães acabaram']);
    expect(await texts('q=entregar')).toEqual(['Entrega e retirada', 'Entregamos amanhã']);
    expect(await texts('query=franc')).toEqual(['O pão francês chegou']);
    expect(await texts('search=entrega%20retirada')).toEqual(['Entrega e retirada']);
    expect(await texts('q=entrega%20pao')).toEqual([]);
    // Words that say nothing, and what means something to SQL or to the text search.
    for (const nothing of ['de', '%25%25', "'; DROP TABLE messages; --", 'a & b | !c <-> (', ':*', '\\\\'])
      expect(await texts(`q=${encodeURIComponent(nothing)}`)).toEqual([]);
  });

  it('finds words of which only the beginning is typed, wherever they stand, and leaves out what is excluded', async () => {
    const { said, texts, search } = await shop();
    await said(
      'Segue o orçamento da padaria',
      'O atendimento foi ótimo',
      'Orçamento sem entrega',
      'O e-mail chegou',
      'Castelo de areia',
      'Minha casa',
    );

    for (const begun of ['orç', 'orça', 'orçam', 'orcame', 'ORÇAMENTOS', 'orc\u0327am', 'orçam padar', '<orçam> padaria'])
      expect(await texts(`q=${encodeURIComponent(begun)}`)).toContain('Segue o orçamento da padaria');
    for (const begun of ['aten', 'atend', 'atendi', 'atendim', 'atendimen', 'atendimento', 'atendim ótim'])
      expect(await texts(`q=${encodeURIComponent(begun)}`)).toEqual(['O atendimento foi ótimo']);
    // The stem of a whole word is not its beginning.
    expect(await texts('q=casas')).toEqual(['Minha casa']);
    expect((await search(`q=${encodeURIComponent('atendim')}`)).items[0].snippet).toBe('O <mark>atendimento</mark> foi ótimo');

    expect(await texts(`q=${encodeURIComponent('orçam -entrega')}`)).toEqual(['Segue o orçamento da padaria']);
    expect(await texts(`q=${encodeURIComponent('-padarias orçamento')}`)).toEqual(['Orçamento sem entrega']);
    const [{ snippet }] = (await search(`q=${encodeURIComponent('orçamento -padaria')}`)).items;
    expect(snippet).toBe('<mark>Orçamento</mark> sem entrega');
    expect(await texts('q=e-mail')).toEqual(['O e-mail chegou']);
    expect(await texts('q=-entrega')).toEqual([]);
  });

  it('finds common words letter by letter', async () => {
    const { said, texts } = await shop();
    const words =
      'pedido vendido enviado chegada marcado quebrado entrega retirada número comum obrigado horário pagamento atendimento produto queijo'.split(
        ' ',
      );
    await said(...words.map((word) => `Sobre: ${word} 12345`));

    const missed: string[] = [];
    for (const word of words)
      for (let length = 3; length <= word.length; length++) {
        const begun = word.slice(0, length);
        if (!(await texts(`q=${encodeURIComponent(begun)}&limit=100`)).includes(`Sobre: ${word} 12345`)) missed.push(begun);
      }

    expect(missed).toEqual([]);
  });

  it('takes a word that says nothing for the beginning of one where it is all there is', async () => {
    const { said, texts } = await shop();
    await said('Um lugar comum', 'Pão com manteiga', 'De onde vem o que falta');

    expect(await texts('q=com')).toEqual(['Um lugar comum']);
    expect(await texts('q=de%20com')).toEqual(['Um lugar comum']);
    expect(await texts('q=pao%20com')).toEqual(['Pão com manteiga']);
    for (const nothing of ['que', 'de o', 'com de', '-com']) expect(await texts(`q=${encodeURIComponent(nothing)}`)).toEqual([]);
  });

  it('looks in no note and in nothing that was deleted', async () => {
    const { box, agent, conversation, said, texts } = await shop();
    await agent.post(`/conversations/${conversation.id}/messages`, { content: 'Nota sobre boleto', is_internal_note: true }).expect(201);
    await said('O boleto vai agora', 'Boleto apagado');
    await box.w.sql(`UPDATE messages SET is_deleted = true WHERE content = 'Boleto apagado'`);

    expect(await texts('q=boleto')).toEqual(['O boleto vai agora']);
  });

  it('filters by conversation, contact, number, direction and days of the organization', async () => {
    const { box, person, conversation, said, texts } = await shop();
    await said('Pedido um', 'Pedido dois');
    const other = box.person({ name: 'Rui' });
    await box.receive(metaPayload.text({ ...other, body: 'Pedido do Rui' }), metaPayload.text({ ...person, body: 'Pedido dela' }));
    const [ofRui] = (await box.conversations()).filter(({ id }) => id !== conversation.id);
    // 00:30 in São Paulo on the 11th.
    await box.w.sql(`UPDATE messages SET created_at = '2026-01-11T03:30:00Z' WHERE content = 'Pedido dois'`);

    expect(await texts(`q=pedido&conversation_id=${ofRui.id}`)).toEqual(['Pedido do Rui']);
    expect(await texts(`q=pedido&contact_id=${String(ofRui.contact_id)}`)).toEqual(['Pedido do Rui']);
    expect(await texts(`q=pedido&contact_id=${box.w.globex.id}`)).toEqual([]);
    expect(await texts(`q=pedido&whatsapp_number_id=${box.number.id}&direction=outbound`)).toEqual(['Pedido dois', 'Pedido um']);
    expect(await texts('q=pedido&direction=incoming&sort=created_at:asc')).toHaveLength(2);
    expect(await texts('q=pedido&from=2026-01-11&to=2026-01-11')).toEqual(['Pedido dois']);
    expect(await texts('q=pedido&to=2026-01-10')).toEqual(['Pedido um']);
  });

  it('pages by number and by cursor, newest or oldest first', async () => {
    const { agent, said, search } = await shop();
    await said(...Array.from({ length: 7 }, (_, n) => `Bolo ${n}`));
    const numbers = ({ items }: Page): string => items.map(({ content }) => content.slice(-1)).join('');

    const first = await search('q=bolo&limit=3');
    expect([numbers(first), first.total]).toEqual(['654', 7]);
    expect(numbers(await search('q=bolo&limit=3&page=3'))).toBe('0');
    const second = await search(`q=bolo&limit=3&cursor=${first.next_cursor}`);
    const third = await search(`q=bolo&limit=3&cursor=${second.next_cursor}`);
    expect([numbers(second), numbers(third), third.next_cursor]).toEqual(['321', '0', null]);
    expect([second.total, third.total]).toEqual([7, 7]);
    const { body: listed } = await agent.get(`/whatsapp/messages?search=bolo&limit=3&cursor=${second.next_cursor}`).expect(200);
    expect(listed).toMatchObject({ items: [{ content: 'Bolo 0' }], total: 7 });
    expect(numbers(await search('q=bolo&limit=3&page=2&sort=created_at:asc'))).toBe('345');
  });

  it('finds across the slices it reads the list in, each once', async () => {
    const { box, conversation, search } = await shop();
    await box.w.sql(
      `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status, created_at)
       SELECT gen_random_uuid(), $1, $2, $3, $4, 'incoming', 'contact', 'text', CASE WHEN n % 100 = 0 THEN 'raro ' || n ELSE 'comum ' || n END, 'received',
              timestamptz '2025-06-01' + n * CASE WHEN n > 3000 THEN interval '1 s' ELSE interval '1 h' END FROM generate_series(1, 4000) n`,
      [box.company.id, conversation.id, conversation.contact_id, box.number.id],
    );
    const all = async (query: string): Promise<string[]> => {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Page = await search(`q=raro&limit=7${query}${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.items.map(({ content }) => content));
        cursor = page.next_cursor;
      }
      return seen;
    };
    const stored = await box.w.sql<{ content: string }>(
      `SELECT content FROM messages WHERE organization_id = $1 AND content LIKE 'raro%' ORDER BY created_at DESC, id DESC`,
      [box.company.id],
    );
    const newest = stored.map(({ content }) => content);

    expect(await all('')).toEqual(newest);
    expect(await all('&sort=created_at:asc')).toEqual(newest.toReversed());
    expect((await search('q=comum&limit=5')).total).toBe(2000);
    expect(await search('q=comum&limit=5')).toMatchObject({ total_is_estimate: true });
  });

  it('leaves out who was deleted, but for who asks for their conversation', async () => {
    const { box, agent, conversation, said, texts } = await shop();
    await said('Fubá com goiabada');
    await agent.delete(`/contacts/${String(conversation.contact_id)}`).expect(204);

    expect(await texts('q=goiabada')).toEqual([]);
    expect(await texts(`q=goiabada&conversation_id=${conversation.id}`)).toEqual(['Fubá com goiabada']);
    expect(box.company.id).toBe(conversation.organization_id);
  });
});

describe('a snippet', () => {
  it('marks what was found in the words as they were written, beside whose message it is', async () => {
    const { said, search, conversation } = await shop();
    await said('Amanhã ENTREGAMOS o pão, e a entrega é grátis!');

    const [found] = (await search('q=entrega%20pao')).items;

    expect(found.snippet).toBe('Amanhã <mark>ENTREGAMOS</mark> o <mark>pão</mark>, e a <mark>entrega</mark> é grátis!');
    expect(found.contact).toEqual({ id: conversation.contact_id, display_name: 'Mariana Costa' });
  });

  it('is text: markup, marks and entities of the message are shown as they are', async () => {
    const { said, search } = await shop();
    await said('<mark>bolo</mark> &lt;b&gt; <img src=x onerror="alert(1)"> "bolo" & \'cia\'');

    const [{ snippet }] = (await search('q=bolo')).items;

    expect(snippet).toContain('&lt;mark&gt;');
    expect(snippet).toContain('&amp;lt;b&amp;gt;');
    expect(snippet).toContain('&quot;<mark>bolo</mark>&quot; &amp; &#39;cia&#39;');
    expect(snippet.replace(/<\/?mark>/g, '')).not.toMatch(/[<>"']/);
  });

  it('shows what stands around the first find of a long text, without halves of signs', async () => {
    const { said, search } = await shop();
    await said(`${'começo 😀 '.repeat(60)}agulha ${'fim 😀 '.repeat(60)}`, `agulha${'😀'.repeat(400)}`);

    const snippets = (await search('q=agulha')).items.map(({ snippet }) => snippet);

    expect(snippets[1]).toMatch(/^…começo .*<mark>agulha<\/mark> fim .*…$/u);
    for (const snippet of snippets) {
      expect(snippet.isWellFormed()).toBe(true);
      expect(snippet.length).toBeLessThan(260);
    }
  });
});
