import type { MulterModuleOptions } from '@nestjs/platform-express';
import type { StorageEngine } from 'multer';
import { assertFit } from '#common/fit';
import type { Config } from '#config/config';
import { MediaStorage } from '#modules/whatsapp/media/media-storage';

/** Contract 20, 1.2. */
const FILE_MAX = 10 * 1024 * 1024;

/** A file on this machine's disk: whoever got it discards it. */
export type ReceivedSheet = Pick<Express.Multer.File, 'path' | 'originalname'>;

/** Multer writes a file where other uploads arrive: what a process that died leaves there is swept. */
export function sheetOptions(config: Config): MulterModuleOptions {
  const files = new MediaStorage(config);
  const storage: StorageEngine = {
    _handleFile: (_request, { stream, fieldname, originalname }, done) => {
      const receive = async (): Promise<{ path: string; size: number }> => {
        assertFit(originalname, 'body', fieldname);
        const { path, size_bytes: size } = await files.receive(stream, FILE_MAX);
        return { path, size };
      };
      receive().then(
        (received) => done(null, received),
        (error: unknown) => done(error),
      );
    },
    _removeFile: (_request, file, done) =>
      void files.discard(file).then(
        () => done(null),
        (error: Error) => done(error),
      ),
  };
  return { defParamCharset: 'utf8', limits: { fileSize: FILE_MAX + 1, fieldSize: 64 * 1024, files: 1, fields: 20 }, storage };
}
