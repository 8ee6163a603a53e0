import type { Locator, Page } from 'playwright-core';
import { DEMO } from '#common/demo';
import { PNG } from './support/files';
import type { Product } from './support/product';
import { until } from './support/sockets';
import { HTML, SimulatorBrowser, WIDE, conversation, describeBrowser, findings } from './support/simulator-browser';

describeBrowser('the simulator page in a browser', () => {
  let sim: SimulatorBrowser;
  let product: Product;
  let trouble: string[];

  beforeAll(async () => {
    sim = await SimulatorBrowser.start();
    ({ product, trouble } = sim);
  });

  afterAll(() => sim?.end());
  afterEach(() => sim.clear());

  const open: SimulatorBrowser['open'] = (...how) => sim.open(...how);
  const signIn = (page: Page): Promise<void> => sim.signIn(page);
  const write: SimulatorBrowser['write'] = (...what) => sim.write(...what);

  /** Until each picture is there. Asked from outside: the page's policy lets nobody evaluate inside. */
  async function drawn(page: Page): Promise<void> {
    const all = '[...document.images].every((image) => image.complete && image.naturalWidth > 0)';
    for (let tries = 0; tries < 200 && !(await page.evaluate(all)); tries++) await page.waitForTimeout(100);
    expect(await page.evaluate(all)).toBe(true);
  }

  const bubble = (page: Page, text: string): Locator => page.getByTestId('thread-message').filter({ hasText: text });
  const preview = (page: Page, name: string, text: string): Locator =>
    conversation(page, name).getByTestId('preview').filter({ hasText: text });

  it('shows what a customer writes without a reload, and follows the answer until it is read', async () => {
    const page = await sim.admin();

    await page.getByTestId('customer-input').fill('Vocês abrem no domingo?');
    await page.getByTestId('customer-send').click();
    const item = page.getByTestId('conversation-item').filter({ hasText: 'Vocês abrem no domingo?' });
    await item.click();
    await page.getByTestId('thread-message').filter({ hasText: 'Vocês abrem no domingo?' }).waitFor();
    await page.getByTestId('agent-input').fill('Abrimos das 8h às 13h.');
    await page.getByTestId('agent-send').click();

    await page
      .locator('[data-testid=thread-message][data-status=read], [data-testid=thread-message] [data-status=read]')
      .filter({ hasText: 'Abrimos' })
      .first()
      .waitFor({ timeout: 20_000 });
    expect(trouble).toEqual([]);
  });

  it('shows a photo on both sides, though every file leaves as an attachment, and sends what is dropped', async () => {
    const page = await sim.admin();

    await page.getByTestId('customer-attach').click();
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByTestId('attach-image').click()]);
    await chooser.setFiles({ name: 'ponto.png', mimeType: 'image/png', buffer: PNG });
    await page.getByTestId('phone-message').locator('img.photo').first().waitFor();
    await page.getByTestId('conversation-item').first().click();
    await page.getByTestId('thread-message').locator('img.photo').first().waitFor({ timeout: 20_000 });
    await drawn(page);

    const dataTransfer = await page.evaluateHandle(
      '(() => { const held = new DataTransfer(); held.items.add(new File(["Farinha"], "lista.txt", { type: "text/plain" })); return held; })()',
    );
    await page.getByTestId('thread').dispatchEvent('drop', { dataTransfer });
    await page.getByTestId('phone-message').filter({ hasText: 'lista.txt' }).waitFor();
    expect(trouble).toEqual([]);
  });

  it('says what the API says outside the window, beside the talk and not over it, and offers the templates', async () => {
    const page = await sim.admin();
    await conversation(page, 'Beatriz').click();
    await page.getByTestId('reopen').click();
    await page.getByTestId('agent-input').fill('Oi!');
    await page.getByTestId('agent-send').click();

    const toast = page.getByTestId('toast').filter({ hasText: 'The 24-hour window is closed' });
    await toast.waitFor();
    const said = await toast.boundingBox();
    const talk = await page.getByTestId('thread').boundingBox();
    expect((said?.y ?? 0) + (said?.height ?? 0)).toBeLessThanOrEqual(talk?.y ?? 0);

    await page.getByTestId('choose-template').click();
    await page.getByTestId('template-select').selectOption({ label: `${DEMO.template_name} · pt_BR · utility` });
    await page.getByTestId('template-body-2').fill('2077');
    await page.getByTestId('template-preview').filter({ hasText: 'Olá Beatriz, seu pedido 2077 está pronto' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByTestId('dialog-submit').click();
    await bubble(page, 'seu pedido 2077').and(page.locator('[data-status=delivered]')).waitFor();
    await bubble(page, 'seu pedido 2077').getByTestId('sender').filter({ hasText: 'You' }).waitFor();
    expect(trouble).toEqual([]);
  });

  it('finds a template among many, and fills the place of its header', async () => {
    const token = await sim.adminToken();
    const templates = `/whatsapp/${DEMO.number_id}/templates`;
    const place = { name: 'como_chegar', header_type: 'LOCATION' };
    for (const named of [place, ...Array.from({ length: 8 }, (_, n) => ({ name: `aviso_${n}` }))])
      await product.call(
        'POST',
        templates,
        { ...named, category: 'UTILITY', body_text: 'Olá {{1}}, é aqui.', examples: { body: ['Ana'] } },
        token,
      );
    const approved = async (): Promise<number> =>
      (await product.call<{ total: number }>('GET', `${templates}/local?status=APPROVED&search=_`, undefined, token)).total;
    await until(async () => (await approved()) >= 10, "Meta's verdicts");
    await write('5511944440009', 'Paula Reis', 'Onde fica?');
    const page = await sim.admin();
    await conversation(page, 'Paula').click();
    await page.getByTestId('agent-attach').click();
    await page.getByTestId('send-template').click();

    await page.getByTestId('template-search').fill('chegar');
    await page.getByTestId('template-header-latitude').fill('-23.5');
    await page.getByTestId('template-preview').filter({ hasText: 'Olá Paula, é aqui.' }).waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByTestId('dialog-submit').click();

    await bubble(page, 'Olá Paula, é aqui.').and(page.locator('[data-status=delivered]')).waitFor();
    expect(trouble).toEqual([]);
  });

  it('lets its list follow edits and deletions, and keeps the last words under a note', async () => {
    const page = await sim.admin();
    await page.getByTestId('customer-input').fill('Quero tres bolos');
    await page.getByTestId('customer-send').click();
    await preview(page, 'Mariana', 'Quero tres bolos').waitFor();
    const actions = page.getByTestId('phone-message').last().getByLabel('Message actions');

    await actions.click();
    await page.getByTestId('edit-message').click();
    await page.getByLabel('Text').fill('Quero três bolos');
    await page.getByTestId('dialog-submit').click();
    await preview(page, 'Mariana', 'Quero três bolos').waitFor();

    await conversation(page, 'Mariana').click();
    await page.getByTestId('agent-attach').click();
    await page.getByTestId('send-note').click();
    await page.getByLabel('Write a note').fill('Cliente antiga');
    await page.getByRole('button', { name: 'Keep the note' }).click();
    await bubble(page, 'Internal note · You').waitFor();
    await page.getByRole('button', { name: 'No note' }).click();
    await preview(page, 'Mariana', 'Quero três bolos').waitFor();

    await actions.click();
    await page.getByTestId('delete-message').click();
    await preview(page, 'Mariana', 'Deleted message').waitFor();
    expect(trouble).toEqual([]);
  });

  it('shows whose a conversation is, blocks its contact and unblocks it', async () => {
    await write('5511944440001', 'Otávio Reis', 'Bom dia');
    const page = await sim.admin();
    await conversation(page, 'Otávio').click();

    await page.getByTestId('assign-me').click();
    await conversation(page, 'Otávio').getByTestId('assignee').filter({ hasText: 'Assigned to Ana Souza' }).waitFor();
    await page.getByTestId('contact-menu').click();
    await page.getByTestId('block').click();
    await page.getByTestId('window-notice').filter({ hasText: 'Otávio Reis is blocked' }).waitFor();
    await conversation(page, 'Otávio').filter({ hasText: 'blocked' }).waitFor();
    await page.getByTestId('contact-menu').click();
    await page.getByTestId('unblock').click();
    await page.getByTestId('reopen').waitFor();
    expect(trouble).toEqual([]);
  });

  it('says why a message failed and sends it again', async () => {
    await write('5511900131026', 'Sem Sinal', 'Oi');
    const page = await sim.admin();
    await conversation(page, 'Sem Sinal').click();
    await page.getByTestId('agent-input').fill('Chegou?');
    await page.getByTestId('agent-send').click();

    const failed = bubble(page, 'Chegou?').and(page.locator('[data-status=failed]'));
    await failed.locator('.error').waitFor();
    expect(await findings(page)).toEqual([]);
    await failed.getByTestId('resend').click();

    await failed.filter({ hasText: 'Sent again below' }).waitFor();
    await failed.nth(1).getByTestId('resend').waitFor();
    expect(trouble).toEqual([]);
  });

  it('shows *bold*, _italic_, ~strike~ and code as WhatsApp does, and markup as it was typed', async () => {
    const said = 'pre*ço 2*3*4 <b>x</b>';
    await write('5511944440002', 'Rita Dias', `*_forte_* ~velho~ \`\`\`a *b*\`\`\` https://pytake.example/a_b_c ${said}`);
    const page = await sim.admin();
    await conversation(page, 'Rita').click();

    const text = bubble(page, 'forte').locator('.text');
    await text.waitFor();
    expect(await text.innerHTML()).toBe(
      '<strong><em>forte</em></strong> <s>velho</s> <code class="block">a *b*</code> ' +
        '<a href="https://pytake.example/a_b_c" target="_blank" rel="noopener noreferrer">https://pytake.example/a_b_c</a> pre*ço 2*3*4 &lt;b&gt;x&lt;/b&gt;',
    );
    expect(trouble).toEqual([]);
  });

  it('opens a conversation at its end, whatever its photos add while they come in, and what was searched where it stands', async () => {
    const page = await sim.admin();
    const photo = (await page.screenshot()).toString('base64');
    const from = '5511944440003';
    await write(
      from,
      'Longa Conversa',
      `Uma agulha no palheiro ${HTML}`,
      // With a full stop: the time stands behind it, and between 0 and 1 h would make a 50 of each 5.
      ...Array.from({ length: 50 }, (_, n) => `Mensagem número ${n + 1}.`),
    );
    for (let n = 0; n < 4; n++) await sim.customerSends({ from, type: 'image', image: { base64: photo, mime_type: 'image/png' } });
    await conversation(page, 'Longa').click();
    await page.getByTestId('thread-message').locator('img.photo').nth(3).waitFor({ timeout: 20_000 });
    const { top, end, drawn } = (await page.evaluate(`(async () => {
      await Promise.all([...document.images].map((image) => image.decode()));
      await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
      const thread = document.querySelector('[data-testid=thread]');
      return { top: thread.scrollTop, end: thread.scrollHeight - thread.clientHeight, drawn: thread.querySelectorAll('img.photo').length };
    })()`)) as { top: number; end: number; drawn: number };
    expect(drawn).toBe(4);
    expect(top).toBeGreaterThan(end - 5);

    await page.getByTestId('search').fill('palheiro');
    const found = page.getByTestId('found-message').filter({ hasText: 'Longa Conversa' });
    await found.waitFor();
    expect(await found.getByTestId('snippet').innerHTML()).toBe(
      'Uma agulha no <mark>palheiro</mark> &lt;img src=x onerror=alert(1)&gt;&lt;mark&gt;&amp;',
    );
    expect(await findings(page)).toEqual([]);
    const newest = bubble(page, 'Mensagem número 50.');
    await found.click();
    await bubble(page, 'Uma agulha').and(page.locator('.found-here')).waitFor();
    expect(await newest.count()).toBe(0);
    await page.getByRole('button', { name: 'Newer messages' }).click();
    await newest.waitFor();

    await found.click();
    await newest.waitFor({ state: 'detached' });
    await page.getByTestId('agent-input').fill('Achei a agulha!');
    await page.getByTestId('agent-send').click();
    await bubble(page, 'Achei a agulha!').waitFor();
    await newest.waitFor();
    await page.getByTestId('search').fill('');
    expect(await page.locator('img[src=x]').count()).toBe(0);
    expect(trouble).toEqual([]);
  });

  it('has menus for the arrow keys', async () => {
    const page = await sim.admin();
    await conversation(page, 'João').click();
    await page.getByTestId('agent-attach').focus();
    await page.keyboard.press('Enter');

    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.textContent');
    expect(await focused()).toBe('Photo or video');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('Document');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    expect(await focused()).toBe('Internal note');
    await page.keyboard.press('Home');
    expect(await focused()).toBe('Photo or video');
    expect(await findings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await page.evaluate('document.activeElement.dataset.testid')).toBe('agent-attach');
    expect(trouble).toEqual([]);
  });

  it('can be read by everybody, by day and by night, and fits a phone', async () => {
    const page = await open(WIDE);
    const everybody = async (): Promise<void> => {
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await findings(page)).toEqual([]);
      }
    };
    await page.getByTestId('login-email').waitFor();
    await everybody();

    await signIn(page);
    await conversation(page, 'João').click();
    await bubble(page, 'Saiu agora').waitFor();
    await page.getByTestId('filters').click();
    await everybody();
    await page.setViewportSize({ width: 390, height: 800 });
    await everybody();

    expect(await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')).toBe(false);
    expect(trouble).toEqual([]);
  });

  it('asks no other host, shows no advertising and has a favicon, the documents neither', async () => {
    const page = await open(WIDE, '/');
    // ReDoc takes many seconds to draw all of PyTake, and asks for nothing more than for a little of it.
    await page.route('**/openapi.json', (route) =>
      route.fulfill({ json: { openapi: '3.1.0', info: { title: 'PyTake', version: '1' }, paths: {} } }),
    );
    for (const path of ['/', '/api/v1/docs', '/api/v1/redoc', '/graphql']) {
      if (path !== '/') await page.goto(product.url + path);
      await page.waitForLoadState('networkidle');

      expect(await page.locator('link[rel~=icon]').count()).toBeGreaterThan(0);
      expect(await page.locator('body').innerText()).not.toMatch(/Altair AI|Try Altair|donat/i);
    }
    expect(trouble).toEqual([]);
  }, 240_000);

  it('shows on the phone what the demo began with, and after a kill -9 what was there', async () => {
    const before = await sim.admin();
    const shown = (page: Page, text: string): Locator => page.getByTestId('phone-message').filter({ hasText: text });
    await before.getByTestId('customer-select').selectOption({ label: 'João Pereira' });
    await shown(before, 'Boa tarde, João! Saiu agora').waitFor();
    await before.getByTestId('customer-attach').click();
    const [chooser] = await Promise.all([before.waitForEvent('filechooser'), before.getByTestId('attach-image').click()]);
    await chooser.setFiles({ name: 'recibo.png', mimeType: 'image/png', buffer: PNG });
    await before.getByTestId('customer-input').fill('Recebi, obrigado!');
    await before.getByTestId('customer-send').click();
    await shown(before, 'Recebi, obrigado!').waitFor();
    await before.waitForTimeout(1500);
    await sim.closeAdmin();

    await product.stop('SIGKILL');
    await product.boot();

    const page = await open(WIDE);
    await page.getByTestId('customer-select').selectOption({ label: 'João Pereira' });
    for (const text of ['meu pedido 1042', 'Saiu agora', 'Recebi, obrigado!']) await shown(page, text).waitFor();
    await page.locator('img.photo').waitFor();
    await drawn(page);
    expect(await page.locator('img.photo').count()).toBe(1);
    expect(trouble).toEqual([]);
  }, 240_000);

  it('shows the QR code of a number, links the phone that scans it, and its chats', async () => {
    const page = await open(WIDE);
    await page.getByTestId('phone-chat').waitFor();
    await sim.createInstance('loja_551140000077');

    await page.getByLabel('Business number').selectOption('loja_551140000077');
    await page.getByTestId('qr').waitFor();
    await drawn(page);
    expect(await page.getByTestId('qr-phone').inputValue()).toBe('+551140000077');
    expect(await findings(page)).toEqual([]);
    await page.getByTestId('qr-scan').click();
    await page.getByTestId('customer-input').fill('Oi, loja nova');
    await page.getByTestId('customer-send').click();
    await page.getByTestId('phone-message').filter({ hasText: 'Oi, loja nova' }).waitFor();

    await page.getByTestId('unlink').click();
    await page.getByTestId('link').filter({ hasText: 'No phone is linked' }).waitFor();
    expect(trouble).toEqual([]);
  });
});
