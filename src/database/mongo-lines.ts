import type { Model } from 'mongoose';
import type { Mongo } from './mongo';

const FLUSH_MS = 1000;
const WAITING_MAX = 5000;
/** What one statement takes, and what is made ready in one go. */
const AT_ONCE = 200;

/** Lines for a collection: written by the second, dropped while MongoDB is away. A help for operators, no record of anything. */
export class MongoLines<Line, Document = Line> {
  private waiting: Line[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly mongo: Mongo,
    private readonly model: Model<Document>,
    private readonly documentOf: (line: Line) => Omit<Document, '_id'>,
  ) {}

  add(line: Line): void {
    if (!this.mongo.up || this.waiting.length >= WAITING_MAX) return;
    this.waiting.push(line);
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const lines = this.waiting;
    this.waiting = [];
    for (let from = 0; from < lines.length && this.mongo.up; from += AT_ONCE) {
      const documents = lines.slice(from, from + AT_ONCE).map(this.documentOf);
      await this.model.insertMany(documents, { lean: true, ordered: false }).catch(() => undefined);
    }
  }

  /** Those of an organization. */
  async erase(organization_id: string): Promise<void> {
    if (!this.mongo.configured) return;
    await this.flush();
    await this.model.deleteMany({ organization_id });
  }
}
