import { setTimeout as sleep } from 'node:timers/promises';
import type { JobsOptions } from '#jobs/jobs';
import { startJobsApp } from './jobs-app';

/** A worker process that takes the job `lost` and never ends it; the spec kills it. */
async function main(): Promise<void> {
  const { desk } = await startJobsApp(JSON.parse(process.argv[2]) as JobsOptions);
  desk.hold('lost');
  while (desk.of('lost').length === 0) await sleep(10);
  process.stdout.write('taken\n');
  await sleep(600_000);
}

void main();
