import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';
import { PNG } from './support/files';
import { Product } from './support/product';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
/** One pixel. */
const missing = !existsSync(CHROMIUM);
if (missing) {
  if (process.env.CI) throw new Error(`${CHROMIUM} is missing: .ci/run installs it`);
  console.warn(`simulator page: skipped, there is no ${CHROMIUM}`);
}

(missing ? describe.skip : describe)('the simulator page in a browser', () => {
  let product: Product;
  let browser: Browser;
  const trouble: string[] = [];

  beforeAll(async () => {
    product = await Product.start();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  });

  afterAll(async () => {
    await browser?.close();
    await product?.end();
  });

  async function open(viewport: { width: number; height: number }): Promise<Page> {
    const page = await browser.newPage({ viewport, locale: 'pt-BR' });
    page.on('console', (message) => {
      if (message.type() === 'error') trouble.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(product.url) && !/^(data|blob):/.test(request.url())) trouble.push(`left the server: ${request.url()}`);
    });
    await page.goto(`${product.url}/simulator`);
    return page;
  }

  async function signIn(page: Page): Promise<void> {
    const [, email] = /e-mail\s+(\S+)/.exec(product.output) ?? [];
    await page.getByTestId('login-email').fill(email ?? '');
    await page.getByTestId('login-password').fill(product.password);
    await page.getByTestId('login-submit').click();
    await page.getByTestId('conversation-item').first().waitFor();
  }

  it('shows what a customer writes without a reload, and follows the answer until it is read', async () => {
    const page = await open({ width: 1366, height: 768 });
    await signIn(page);

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
    await page.close();
  });

  it('shows a photo on both sides, though every file leaves as an attachment', async () => {
    const page = await open({ width: 1366, height: 768 });
    await signIn(page);

    await page.getByTestId('customer-attach').click();
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByTestId('attach-image').click()]);
    await chooser.setFiles({ name: 'ponto.png', mimeType: 'image/png', buffer: PNG });
    await page.getByTestId('phone-message').locator('img.photo').first().waitFor();
    await page.getByTestId('conversation-item').first().click();
    await page.getByTestId('thread-message').locator('img.photo').first().waitFor({ timeout: 20_000 });

    const drawn =
      'document.querySelectorAll("img.photo").length === 2 && [...document.images].every((i) => i.complete && i.naturalWidth > 0)';
    await page.waitForFunction(drawn, undefined, { timeout: 20_000 });
    expect(trouble).toEqual([]);
    await page.close();
  });

  it('fits a phone screen', async () => {
    const page = await open({ width: 390, height: 844 });

    const wide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');

    expect(wide).toBe(false);
    expect(trouble).toEqual([]);
    await page.close();
  });
});
