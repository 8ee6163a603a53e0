import type { MigrationInterface, QueryRunner } from 'typeorm';

const fold = (language: string, body: string): string =>
  `CREATE OR REPLACE FUNCTION fold(words text) RETURNS text LANGUAGE ${language} IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$ ${body} $$`;
const FOLDED = `lower(public.unaccent('public.unaccent'::regdictionary, words))`;

/** The same words from a function that is not planned anew for each message the receipt stores. Indexes made of it stay as they are. */
export class QuickFold1795000160000 implements MigrationInterface {
  readonly name = 'QuickFold1795000160000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(fold('plpgsql', `BEGIN RETURN ${FOLDED}; END`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(fold('sql', `SELECT ${FOLDED}`));
  }
}
