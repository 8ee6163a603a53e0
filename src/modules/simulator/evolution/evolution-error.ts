const NAMES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Payload Too Large',
  500: 'Internal Server Error',
};

/** An answer of Evolution that is no success: `{status, error, response: {message}}`. */
export class EvolutionError extends Error {
  constructor(
    readonly status: number,
    /** A list where Evolution refuses by itself (validation: a list in the list), a text where something broke in it. */
    readonly said: unknown,
  ) {
    super(typeof said === 'string' ? said : JSON.stringify(said));
  }

  body(): object {
    return { status: this.status, error: NAMES[this.status] ?? 'Internal Server Error', response: { message: this.said } };
  }
}

export const badRequest = (message: unknown): EvolutionError => new EvolutionError(400, [message]);
/** Without a list: Evolution throws it without words. */
export const unauthorized = (): EvolutionError => new EvolutionError(401, 'Unauthorized');
export const forbidden = (message: string): EvolutionError => new EvolutionError(403, [message]);
export const notFound = (message: string): EvolutionError => new EvolutionError(404, [message]);
/** What Baileys threw and Evolution did not catch. */
export const broken = (message: string): EvolutionError => new EvolutionError(500, message);
