import { setSourceMapsSupport } from 'node:module';

// Imported before anything else: a stack trace names our TypeScript. The maps of libraries, with whole sources in them, stay on the disk.
setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
