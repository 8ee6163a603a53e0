import { join } from 'node:path';

/** All that a process of a test gets of ours: where programs are, and as with `npm start` what Node parsed of this build before. */
export const INHERITED = { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: join(__dirname, '..', '..', '..', '.build', 'parsed') };
