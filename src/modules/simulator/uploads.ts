import type { Request, RequestHandler } from 'express';
import multer, { type StorageEngine } from 'multer';
import { MAX_FILE_BYTES, type ArrivedFile, type MediaStore } from './media-store';

/** A file of a form, written to the store's disk as it comes; what the route does not keep is gone when it has answered. */
export function uploadTo(media: MediaStore): RequestHandler[] {
  const storage: StorageEngine = {
    _handleFile: (_request, { stream }, done) =>
      void media.receive(stream).then(
        (arrived) => done(null, { arrived } as object),
        (error: unknown) => done(error),
      ),
    _removeFile: (_request, file, done) => {
      const { arrived } = file as Upload;
      if (arrived) media.discard(arrived);
      done(null);
    },
  };
  const form = multer({ storage, defParamCharset: 'utf8', limits: { fileSize: MAX_FILE_BYTES, files: 1, fields: 10 } });
  return [
    form.single('file'),
    (request, response, next) => {
      const upload = uploaded(request);
      if (upload) response.once('close', () => media.discard(upload.arrived));
      next();
    },
  ];
}

interface Upload extends Express.Multer.File {
  arrived: ArrivedFile;
}

/** The form's file; undefined: it had none. */
export function uploaded(request: Request): Upload | undefined {
  return request.file as Upload | undefined;
}
