import type { Language } from '#common/languages';

/** What an archive says of itself. */
export interface Described {
  name: string;
  id: string;
  exported_at: Date;
  /** Until when the organization can be had back; null: it lives. */
  until: Date | null;
  tables: readonly { table: string; untold: readonly string[] }[];
}

interface Words {
  title: string;
  made: string;
  until: string;
  tables: string;
  files: string;
  contents: string;
  secrets: string;
  people: string;
}

const WORDS: Record<Language, Words> = {
  'pt-BR': {
    title: 'Todos os dados de {{name}} no PyTake',
    made: 'Organização {{id}}, exportada em {{exported_at}} (UTC).',
    until: 'A organização foi excluída: até {{until}} ela pode ser restaurada ou exportada; depois, é apagada de vez.',
    tables:
      'TABELA.ndjson: as linhas de cada tabela, uma por linha, em JSON (UTF-8). Os nomes das colunas são os da API; horários têm fuso; uma coluna *_id diz o id da linha de outra tabela; bytes são escritos em hexadecimal (\\x...). Linhas que foram escritas durante a exportação podem faltar.',
    files:
      'media/: os arquivos recebidos e enviados. O nome é o id da linha em media_files.ndjson, que diz o nome original, o tipo e a mensagem. Miniaturas não são exportadas.',
    contents: 'contents.json: quantas linhas e quantos arquivos há aqui. É escrito por último: sem ele, o arquivo está incompleto.',
    secrets:
      'Segredos nunca saem: senhas, tokens, chaves de API, segundos fatores e tudo o que fica cifrado. Quem precisa deles os cria de novo no novo sistema. Estas colunas ficaram de fora:',
    people:
      'Aqui há dados pessoais dos seus clientes e da sua equipe. Guarde este arquivo em lugar seguro e apague-o quando não precisar mais dele (LGPD).',
  },
  en: {
    title: 'All data of {{name}} on PyTake',
    made: 'Organization {{id}}, exported at {{exported_at}} (UTC).',
    until: 'The organization was deleted: until {{until}} it can be restored or exported; then it is erased for good.',
    tables:
      'TABLE.ndjson: the rows of each table, one a line, as JSON (UTF-8). Columns are called as in the API; times carry their offset; a column *_id says the id of another table’s row; bytes are hexadecimal (\\x...). Rows that were written during the export may be missing.',
    files:
      'media/: the files that came and went. Each is called by the id of its row in media_files.ndjson, which says its own name, its kind and its message. Thumbnails are not exported.',
    contents: 'contents.json: how many rows and files there are. It is written last: without it the archive is incomplete.',
    secrets:
      'Secrets never leave: passwords, tokens, API keys, second factors, and whatever is kept sealed. Whoever needs them makes new ones where the data goes. These columns were left out:',
    people:
      'This is personal data of your customers and of your team. Keep the archive in a safe place, and delete it when it is no longer needed.',
  },
};

/** `README.txt`, in the organization's language. */
export function readmeOf(language: Language, { name, id, exported_at, until, tables }: Described): string {
  const words = WORDS[language];
  const values = { name, id, exported_at: minute(exported_at), until: until ? minute(until).slice(0, 10) : '' };
  const say = (text: string): string => text.replace(/\{\{(\w+)\}\}/g, (_, key: keyof typeof values) => values[key]);
  const left_out = tables.flatMap(({ table, untold }) => untold.map((column) => `  ${table}.${column}`));
  return [
    say(words.title),
    say(words.made),
    ...(until ? [say(words.until)] : []),
    words.tables,
    words.files,
    words.contents,
    [words.secrets, ...left_out].join('\n'),
    words.people,
    tables.map(({ table }) => `${table}.ndjson`).join('\n'),
  ]
    .map((part) => `${part}\n`)
    .join('\n');
}

const minute = (time: Date): string => time.toISOString().slice(0, 16).replace('T', ' ');
