import { Controller, Post, UploadedFile as FormFile, UseInterceptors } from '@nestjs/common';
import { FileInterceptor, type MulterModuleOptions } from '@nestjs/platform-express';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';
import type { StorageEngine } from 'multer';
import { Allow, Caller, RateClass, Resource } from '#access/decorators';
import type { Actor } from '#common/actor';
import { assertFit } from '#common/fit';
import { Room } from '#common/room';
import type { Config } from '#config/config';
import { MAX_FILE_BYTES } from './file-kind';
import type { ReceivedFile } from './file-store';
import { Media } from './media.dto';
import { MediaService } from './media.service';
import { MediaStorage } from './media-storage';

/** Multer writes an upload straight into the media storage. */
export function uploadOptions(config: Config): MulterModuleOptions {
  const files = new MediaStorage(config);
  const storage: StorageEngine = {
    _handleFile: (_request, file, done) =>
      void files.receive(file.stream, MAX_FILE_BYTES + 1).then(
        (received) => done(null, { ...received, size: received.size_bytes }),
        (error: unknown) => done(error),
      ),
    _removeFile: (_request, file, done) =>
      void files.discard(file).then(
        () => done(null),
        (error: Error) => done(error),
      ),
  };
  return { defParamCharset: 'utf8', limits: { fileSize: MAX_FILE_BYTES, files: 1, fields: 10 }, fileFilter: fitName, storage };
}

/** Before the first byte of the file is kept. */
const fitName: MulterModuleOptions['fileFilter'] = (_request, { fieldname, originalname }, done): void => {
  try {
    assertFit(originalname, 'body', fieldname);
    done(null, true);
  } catch (error) {
    done(error as Error, false);
  }
};

@Room('whatsapp')
@Controller('whatsapp/media')
@Resource('whatsapp')
export class MediaController {
  constructor(private readonly media: MediaService) {}

  /**
   * Upload a file to send. Its type is told by its content, not by its name: image jpeg or png to 5 MB, video mp4 or 3gp and audio aac, amr, mp3,
   * m4a or ogg to 16 MB, sticker webp to 100 KB (animated 500 KB), documents to 100 MB. Deleted after 24 hours if it is not sent.
   * @throws {409} The organization's files take all its plan allows (`media_quota_exceeded`); max_media_bytes of its plan_limits says how much.
   * @throws {413} Larger than WhatsApp takes for its kind (`payload_too_large`).
   * @throws {422} A kind WhatsApp does not take (`unsupported_file`).
   */
  @Post()
  @Allow('agent')
  @RateClass('upload')
  @UseInterceptors(FileInterceptor('file'))
  @ApiConsumes('multipart/form-data')
  @ApiBody({
    schema: { title: 'MediaUploadForm', type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } },
  })
  upload(@Caller() actor: Actor, @FormFile() file: (Express.Multer.File & ReceivedFile) | undefined): Promise<Media> {
    return this.media.upload(actor, file && { path: file.path, size_bytes: file.size_bytes, sha256: file.sha256, name: file.originalname });
  }
}
