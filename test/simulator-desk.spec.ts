import type { Locator, Page, WebSocketRoute } from 'playwright-core';
import { DEMO } from '#common/demo';
import { embeddedSql } from './support/commands';
import type { Product } from './support/product';
import { HTML, SimulatorBrowser, WIDE, conversation, describeBrowser, findings } from './support/simulator-browser';

interface Desk {
  user: { id: string; email: string; password: string };
  queue: { id: string; name: string };
  department: { id: string; name: string };
}

describeBrowser("the simulator page's desk in a browser", () => {
  let sim: SimulatorBrowser;
  let product: Product;
  let token: string;
  let people = 0;

  beforeAll(async () => {
    sim = await SimulatorBrowser.start();
    ({ product } = sim);
    token = await sim.adminToken();
  });

  afterAll(() => sim?.end());
  afterEach(() => sim.clear());

  const made = async (path: string, body: object): Promise<{ id: string }> => product.call<{ id: string }>('POST', path, body, token);

  /** An agent with a queue of their own, in a department of its own, open day and night. */
  async function desk(full_name: string, values: object = {}): Promise<Desk> {
    const email = `pessoa.${++people}@desk.example`;
    const password = 'uma-senha-2026';
    const department = { name: `Setor de ${full_name}` };
    const queue = { name: `Fila de ${full_name}` };
    const { id } = await made('/users', { email, password, full_name, role: 'agent' });
    const { id: department_id } = await made('/departments', { ...department, agent_ids: [id] });
    const settings = { business_hours: { always_open: true }, offer_timeout_seconds: 600 };
    const { id: queue_id } = await made('/queues', { department_id, ...queue, sla_minutes: 30, settings, ...values });
    return {
      user: { id, email, password },
      queue: { ...queue, id: queue_id },
      department: { ...department, id: department_id },
    };
  }

  /** Somebody waits in a queue. */
  const waits = (contact_name: string, queue_id: string): Promise<{ id: string }> =>
    made('/conversations', { contact_name, contact_phone: `+55119555${String(++people).padStart(5, '0')}`, queue_id });

  async function signedIn(who: Desk['user']): Promise<Page> {
    const page = await sim.open(WIDE);
    await sim.signIn(page, who);
    await page.locator('#live[data-state=on]').waitFor();
    return page;
  }

  const part = (page: Page, name: string, testid: string): Locator => conversation(page, name).getByTestId(testid);
  const sla = (page: Page, name: string, state: string): Locator => part(page, name, 'sla').and(page.locator(`[data-state=${state}]`));
  const offer = (page: Page, name: string): Locator => page.getByTestId('offer').filter({ hasText: name });
  const unread = (page: Page, count: string): Promise<void> => page.getByTestId('notice-count').getByText(count, { exact: true }).waitFor();

  it('shows in which queue a customer waits who just wrote, and the time left until somebody has them', async () => {
    const page = await sim.admin();
    await sim.write('5511944450001', 'Dora Lima', 'Tem pão de queijo?');

    await part(page, 'Dora Lima', 'home').getByText('Balcão').waitFor();
    await sla(page, 'Dora Lima', 'running').waitFor();
    await conversation(page, 'Dora Lima').click();
    const head = page.locator('.thread-top');
    await head.getByText('waiting for somebody').waitFor();
    await head.getByTestId('home').getByText('Balcão').waitFor();
    await page.getByTestId('assign-me').click();

    await part(page, 'Dora Lima', 'sla').waitFor({ state: 'detached' });
    await head.getByText('yours').waitFor();
    await head.getByTestId('sla').waitFor({ state: 'detached' });
    await head.getByTestId('home').getByText('Balcão').waitFor();
    expect(sim.trouble).toEqual([]);
  });

  it('turns the clock amber at the warning and red at the breach, as the server says', async () => {
    const { user, queue, department } = await desk('Elza Nunes', { routing_mode: 'manual' });
    const { id } = await waits('Ivo Prates', queue.id);
    const sql = await embeddedSql(product.data_dir);
    // News of its department has the clock looked at: the sweep is half a minute away.
    const waited = async (minutes: number): Promise<void> => {
      await sql.query(`UPDATE conversations SET queued_at = now() - $2 * interval '1 minute', sla_due_at = now() WHERE id = $1`, [
        id,
        minutes,
      ]);
      await product.call('PUT', `/departments/${department.id}`, { description: `Espera de ${minutes} minutos` }, token);
    };
    const page = await signedIn(user);
    await sla(page, 'Ivo Prates', 'running').waitFor();

    await waited(25);
    await sla(page, 'Ivo Prates', 'warned').waitFor();
    expect(await findings(page)).toEqual([]);
    await waited(31);
    await sla(page, 'Ivo Prates', 'breached').waitFor();
    expect(await findings(page)).toEqual([]);
    await sql.end();
    expect(sim.trouble).toEqual([]);
  });

  it('turns the clock red at the instant the server named, without another word from it', async () => {
    const { user, queue } = await desk('Nair Teles', { routing_mode: 'manual' });
    await waits('Caio Rocha', queue.id);
    const page = await signedIn(user);
    await sla(page, 'Caio Rocha', 'running').waitFor();

    await page.clock.setFixedTime(Date.now() + 29 * 60_000);
    await part(page, 'Caio Rocha', 'sla')
      .getByText(/^\d+ s$/)
      .waitFor();
    await page.clock.setFixedTime(Date.now() + 31 * 60_000);
    await sla(page, 'Caio Rocha', 'breached').waitFor();
    expect(sim.trouble).toEqual([]);
  });

  it('narrows the list by queue, by department and by who waits or is mine, and keeps it so', async () => {
    const [one, other] = [await desk('Lia Campos', { routing_mode: 'manual' }), await desk('Davi Melo', { routing_mode: 'manual' })];
    const { id: first } = await waits('Primeira Pessoa', one.queue.id);
    await waits('Segunda Pessoa', other.queue.id);
    const page = await signedIn(one.user);
    const items = page.getByTestId('conversation-item');
    const only = async (...names: string[]): Promise<void> => {
      for (const name of names) await conversation(page, name).waitFor();
      await items.nth(names.length).waitFor({ state: 'detached' });
    };

    await page.getByTestId('filters').click();
    await page.getByTestId('filter-queue').selectOption({ label: one.queue.name });
    await only('Primeira Pessoa');
    await waits('Terceira Pessoa', other.queue.id);
    const { id: fourth } = await waits('Quarta Pessoa', one.queue.id);
    await only('Primeira Pessoa', 'Quarta Pessoa');

    await page.getByTestId('filter-department').selectOption({ label: other.department.name });
    await only('Segunda Pessoa', 'Terceira Pessoa');
    await page.getByTestId('filter-department').selectOption({ label: one.department.name });
    await page.getByRole('button', { name: 'Mine', exact: true }).click();
    await items.first().waitFor({ state: 'detached' });
    await made(`/conversations/${first}/assign`, { agent_id: one.user.id });
    await only('Primeira Pessoa');

    await page.getByRole('button', { name: 'Waiting', exact: true }).click();
    await only('Quarta Pessoa');
    await page.getByTestId('filter-status').selectOption({ label: 'Open' });
    await page.getByTestId('filter-assigned_to').selectOption({ label: 'Nobody' });
    await only('Quarta Pessoa');
    await page.getByRole('button', { name: 'Filters, 3 set' }).waitFor();
    await page.getByTestId('filter-priority').selectOption({ label: 'Urgent' });
    await items.first().waitFor({ state: 'detached' });
    await product.call('PUT', `/conversations/${fourth}`, { priority: 'urgent' }, token);
    await only('Quarta Pessoa');
    await page.getByTestId('filters-clear').click();
    await conversation(page, 'Primeira Pessoa').waitFor();
    expect(sim.trouble).toEqual([]);
  });

  it('counts who waits in a queue, and for how long', async () => {
    const { user, queue } = await desk('Rosa Braga', { routing_mode: 'manual' });
    const page = await signedIn(user);
    await page.getByTestId('queue-figures').locator('summary').click();
    const figure = page.getByTestId('queue-figure').filter({ hasText: queue.name });
    await figure.getByText('0 waiting').waitFor();

    const { id } = await waits('Olga Reis', queue.id);
    await figure.getByText('1 waiting').waitFor();
    await figure.locator('.clock').waitFor();
    expect(await findings(page)).toEqual([]);
    await made(`/conversations/${id}/assign`, { agent_id: user.id });
    await figure.getByText('0 waiting').waitFor();
    await figure.locator('.clock').waitFor({ state: 'detached' });

    await product.call('PUT', `/queues/${queue.id}`, { name: 'Fila de outro nome' }, token);
    await part(page, 'Olga Reis', 'home').getByText('Fila de outro nome').waitFor();
    expect(sim.trouble).toEqual([]);
  });

  it('has whoever says they are online offered what waits, and who leaves nothing more', async () => {
    const { user, queue } = await desk('Rui Gomes');
    await waits('Téo Farias', queue.id);
    const page = await signedIn(user);
    await part(page, 'Téo Farias', 'sla').waitFor();
    expect(await offer(page, 'Téo Farias').count()).toBe(0);

    await page.getByTestId('presence').selectOption({ label: 'Online' });
    await offer(page, 'Téo Farias').waitFor();
    await offer(page, 'Téo Farias').getByText(queue.name).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByTestId('presence').selectOption({ label: 'Away' });
    await page.locator('[data-testid=presence][data-state=away]').waitFor();
    await offer(page, 'Téo Farias').getByTestId('offer-decline').focus();
    await page.keyboard.press('Enter');
    await offer(page, 'Téo Farias').waitFor({ state: 'detached' });

    await waits('Zeca Pinho', queue.id);
    await part(page, 'Zeca Pinho', 'sla').waitFor();
    await page.reload();
    await page.locator('[data-testid=presence][data-state=away]').waitFor();
    await conversation(page, 'Zeca Pinho').waitFor();
    expect(await page.getByTestId('offer').count()).toBe(0);
    expect(sim.trouble).toEqual([]);
  });

  it('gives who accepts an offer the conversation, and the other pages hear of it', async () => {
    const { user, queue } = await desk('Nina Souto');
    const [page, elsewhere, admin] = [await signedIn(user), await signedIn(user), await sim.admin()];
    await page.getByTestId('presence').selectOption({ label: 'Online' });
    await elsewhere.locator('[data-testid=presence][data-state=available]').waitFor();
    await waits('Paula Dutra', queue.id);
    for (const both of [page, elsewhere]) await offer(both, 'Paula Dutra').waitFor();
    await sla(admin, 'Paula Dutra', 'running').waitFor();
    expect(await offer(admin, 'Paula Dutra').count()).toBe(0);

    await offer(page, 'Paula Dutra').getByTestId('offer-accept').click();
    await page.locator('.thread-top').getByText('yours').waitFor();
    for (const both of [page, elsewhere]) await offer(both, 'Paula Dutra').waitFor({ state: 'detached' });
    await part(admin, 'Paula Dutra', 'assignee').getByText('Assigned to Nina Souto').waitFor();
    await part(admin, 'Paula Dutra', 'sla').waitFor({ state: 'detached' });
    expect(sim.trouble).toEqual([]);
  });

  it('lets a team work on one conversation: who is there and types, notes that name somebody, reactions, and passing it on', async () => {
    const { user } = await desk('Nina Prado', { routing_mode: 'manual' });
    await sim.write('5511944450100', `Bia ${HTML}`, `Oi ${HTML}`);
    const [ana, nina] = [await sim.admin(), await signedIn(user)];
    for (const page of [ana, nina]) {
      await conversation(page, 'Bia').click();
      await page.getByTestId('thread-message').first().waitFor();
    }

    await ana.getByTestId('team').locator('summary').click();
    await nina.getByTestId('presence').selectOption({ label: 'Online' });
    await ana.locator('[data-testid=colleague][data-status=available]').filter({ hasText: 'Nina Prado' }).waitFor();
    await nina.getByTestId('agent-input').pressSequentially('Oi');
    await ana.getByTestId('typing').getByText('Nina Prado is typing…').waitFor();
    await nina.getByTestId('agent-input').fill('');
    await ana.getByTestId('typing').waitFor({ state: 'detached' });

    const begun = (): Promise<string> => ana.getByTestId('agent-input').inputValue();
    await ana.getByTestId('agent-input').fill('Já vejo');
    await ana.getByTestId('agent-attach').click();
    await ana.getByTestId('send-note').click();
    expect(await begun()).toBe('');
    await ana.getByTestId('agent-input').pressSequentially(`${HTML} veja isto, @prad`);
    await ana.getByTestId('mention').waitFor();
    expect(await findings(ana)).toEqual([]);
    await ana.keyboard.press('Enter');
    await ana.keyboard.press('Enter');
    await nina.locator('.bubble.note .mention').getByText('@Nina Prado').waitFor();
    await unread(nina, '1');
    await ana.getByTestId('agent-input').fill('Só para nós');
    await ana.getByRole('button', { name: 'No note' }).click();
    expect(await begun()).toBe('Já vejo');
    await ana.getByTestId('agent-input').fill('');

    await nina.getByTestId('message-actions').first().click();
    await nina.getByLabel('React 👍').click();
    await ana.getByTestId('reaction').getByText('👍').waitFor();
    await ana.getByTestId('contact-menu').click();
    await ana.getByTestId('transfer').click();
    await ana.getByTestId('transfer-to').selectOption({ label: 'Nina Prado · online' });
    await ana.getByTestId('transfer-note').fill(HTML);
    await ana.getByTestId('dialog-submit').click();
    await nina.locator('.thread-top').getByText('yours').waitFor();
    await nina
      .getByTestId('transferred')
      .filter({ hasText: `Transferred to you by Ana Souza${HTML}` })
      .waitFor();
    await ana.getByTestId('transferred').filter({ hasText: 'Transferred to Nina Prado by you' }).waitFor();

    for (const page of [ana, nina]) expect(await page.locator('img[src=x], mark').count()).toBe(0);
    await ana.getByTestId('team').locator('summary').click();
    expect(sim.trouble).toEqual([]);
  });

  it('sorts conversations by tags, labels and priority, and shows what the customer thought of one', async () => {
    await product.call('PUT', '/organizations/me/settings', { csat: { enabled: true, delay_minutes: 0 } }, token);
    const customer = ['5511944450200', 'Célia Rosa'] as const;
    await sim.write(...customer, 'Obrigada!');
    const page = await sim.admin();
    await conversation(page, 'Célia Rosa').click();
    await page.getByTestId('details').click();
    const tag = part(page, 'Célia Rosa', 'contact-tag').filter({ hasText: HTML });

    await page.getByTestId('edit-tags').click();
    await page.getByTestId('tag-search').fill(HTML);
    await page.getByTestId('tag-new').nth(3).click();
    await page.getByTestId('tag-pick').filter({ hasText: HTML }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByTestId('dialog-submit').click();
    await tag.waitFor();
    const color = "getComputedStyle(document.querySelector('[data-testid=contact-tags] .spot')).backgroundColor";
    expect(await page.evaluate(color)).toBe('rgb(239, 68, 68)');
    await page.getByTestId('label-new').fill('entrega');
    await page.keyboard.press('Enter');
    await page.getByTestId('label').getByText('entrega').waitFor();
    await page.getByTestId('priority').selectOption({ label: 'Urgent' });
    await conversation(page, 'Célia Rosa').getByText('urgent').waitFor();
    expect(await findings(page)).toEqual([]);

    await page.getByTestId('filters').click();
    await page.getByTestId('filter-tags').selectOption('entrega');
    await page.getByTestId('conversation-item').nth(1).waitFor({ state: 'detached' });
    await conversation(page, 'Célia Rosa').waitFor();
    await page.getByTestId('filters-clear').click();
    await page.getByTestId('filters').click();
    await page.getByLabel(`Take the tag ${HTML}`).click();
    await tag.waitFor({ state: 'detached' });
    expect(await page.locator('img[src=x], mark').count()).toBe(0);

    await page.getByTestId('close').click();
    await page.getByTestId('thread-message').filter({ hasText: 'Como você avalia' }).waitFor();
    await sim.write(...customer, '4');
    await page.getByTestId('rated').getByLabel('4 of 5').waitFor();
    await page.getByTestId('fact-rating').getByLabel('4 of 5').waitFor();
    await page.getByRole('button', { name: 'Close the details' }).click();
    expect(sim.trouble).toEqual([]);
  });

  it('rings for a notification that comes, and marks one as read, and all', async () => {
    const { user } = await desk('Gil Serra');
    const page = await signedIn(user);
    const tell = (title: string) => made('/notifications', { user_ids: [user.id], title, message: 'Na sala da frente.', data: { title } });
    const notice = (title: string): Locator => page.getByTestId('notice').filter({ hasText: title });
    expect(await page.getByTestId('notice-count').isVisible()).toBe(false);

    await tell('Reunião às 15h');
    await unread(page, '1');
    await page.getByRole('button', { name: 'Notifications, 1 unread' }).click();
    await tell('Café na copa');
    await unread(page, '2');
    expect(await findings(page)).toEqual([]);
    await notice('Reunião às 15h').click();
    await notice('Reunião às 15h').and(page.locator('[data-read=true]')).waitFor();
    await unread(page, '1');

    await tell('Fim do dia');
    await unread(page, '2');
    await page.getByTestId('read-all').click();
    await page.getByTestId('notice-count').waitFor({ state: 'hidden' });
    await notice('Café na copa').and(page.locator('[data-read=true]')).waitFor();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
    expect(sim.trouble).toEqual([]);
  });

  it('reads anew what happened while its socket was cut', async () => {
    const { user, queue } = await desk('Vera Pinto');
    const page = await sim.open(WIDE);
    let isCut = false;
    const lines = new Set<WebSocketRoute>();
    await page.routeWebSocket(/socket\.io/, (line) => {
      if (isCut) return void line.close();
      line.connectToServer();
      lines.add(line);
    });
    // What is routed is so from the next load on.
    await page.reload();
    await sim.signIn(page, user);
    await page.locator('#live[data-state=on]').waitFor();
    await page.getByTestId('presence').selectOption({ label: 'Online' });
    await page.locator('[data-testid=presence][data-state=available]').waitFor();

    isCut = true;
    for (const line of lines) await line.close();
    await page.locator('#live[data-state=wait]').waitFor();
    await waits('Lúcia Maia', queue.id);
    await made('/notifications', { user_ids: [user.id], title: 'Enquanto isso', message: 'Alguém espera.' });
    expect(await conversation(page, 'Lúcia Maia').count()).toBe(0);
    isCut = false;

    await page.locator('#live[data-state=on]').waitFor();
    await sla(page, 'Lúcia Maia', 'running').waitFor();
    await unread(page, '1');
    await offer(page, 'Lúcia Maia').waitFor();
    expect(sim.trouble).toEqual([]);
  });

  it('shows a newcomer a queue at work on a phone too', async () => {
    const page = await sim.open({ width: 390, height: 844 });
    await page.getByTestId('tab-inbox').click();
    await sim.signIn(page);

    await part(page, 'Mariana', 'home').getByText('Balcão').waitFor();
    await page.getByTestId('offer').first().waitFor();
    expect(await findings(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')).toBe(false);
    const { items } = await product.call<{ items: { id: string }[] }>('GET', '/queues', undefined, token);
    expect(items.map(({ id }) => id)).toContain(DEMO.counter_queue_id);
    expect(sim.trouble).toEqual([]);
  });
});
