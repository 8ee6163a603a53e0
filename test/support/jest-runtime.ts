import { createRequire } from 'node:module';
import { join } from 'node:path';

const TESTS = join(__dirname, '..');
const load = createRequire(__filename);

/**
 * How Jest loads a spec: as Node does. Jest's own runtime evaluates every module of the application anew for each of a hundred specs (3 s of CPU
 * each); here those that a worker has loaded stay, and what the compiler learnt of them. The tests' own and jest-circus alone are begun anew.
 */
export default class JestRuntime {
  unstable_shouldLoadAsEsm(): boolean {
    return false;
  }

  requireModule(path: string): unknown {
    for (const module of Object.keys(load.cache)) if (module.startsWith(TESTS)) delete load.cache[module];
    return load(path);
  }

  requireInternalModule(path: string): unknown {
    delete load.cache[path];
    return load(path);
  }

  getSourceMaps(): Map<string, string> {
    return new Map();
  }

  setGlobalsForRuntime(): void {}
  enterTestCode(): void {}
  leaveTestCode(): void {}
  teardown(): void {}
  getAllCoverageInfoCopy(): void {}
}
