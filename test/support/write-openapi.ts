import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { openDoors } from '#api/doors';
import { buildOpenApi } from '#api/openapi';
import { Config } from '#config/config';
import { AppModule } from '../../src/app.module';

/** Writes the OpenAPI document without starting anything: `node dist/test/support/write-openapi.js FILE`. */
async function main(file: string): Promise<void> {
  const config = new Config({
    // Nothing connects in Nest's preview mode.
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    JWT_SECRET: randomBytes(48).toString('base64'),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PUBLIC_BASE_URL: process.env.PUBLIC_BASE_URL,
  });
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), { preview: true, logger: false });
  openDoors(app, config);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(buildOpenApi(app, config), null, 2));
}

main(process.argv[2] ?? '.data/openapi.json').catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
