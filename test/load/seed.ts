import { Pool } from 'pg';
import { figure, play, setting } from './stage';

export interface Sizes {
  contacts: number;
  conversations: number;
  messages: number;
}

const FIRST_NAMES =
  'Ana Antônio Beatriz Bruno Caio Camila Carla Carlos Cauê Débora Diego Eduardo Fábio Fernanda Francisca Gabriel Helena Igor Isabela João José Júlia Larissa Letícia Luana Lucas Luís Marcelo Márcia Maria Mateus Natália Otávio Patrícia Paulo Pedro Rafael Renata Sebastião Sílvia Sônia Tânia Thiago Valéria Vinícius Vitória Yasmin Zélia'.split(
    ' ',
  );
const LAST_NAMES =
  'Almeida Alves Andrade Araújo Barbosa Barros Batista Campos Cardoso Carvalho Castro Conceição Correia Costa Dias Duarte Farias Fernandes Ferreira Freitas Gomes Gonçalves Lima Lopes Machado Magalhães Marques Martins Melo Mendes Monteiro Moraes Moreira Nascimento Nunes Oliveira Pereira Pinto Ramos Reis Ribeiro Rocha Rodrigues Santos Silva Soares Souza Teixeira Vieira'.split(
    ' ',
  );
const QUESTIONS = [
  'Olá! Gostaria de saber do pedido %s: já saiu para entrega? 😊',
  'Bom dia, vocês entregam no meu bairro? O pedido é o %s.',
  'Oi',
  'Preciso da nota fiscal do pedido %s, por favor.',
  'O bolo de cenoura ainda está disponível?',
  'Quero trocar o endereço da entrega %s, dá tempo?',
  'Paguei por PIX agora mesmo, pode conferir o %s?',
  'Obrigada! ❤️',
  'Veio faltando um item no pedido %s. Como fazemos?',
  'Qual o horário de vocês no sábado?',
];
const ANSWERS = [
  'Olá! Seu pedido %s já saiu para entrega e chega em 40 minutos.',
  'Bom dia! Entregamos sim. Pode me passar o CEP?',
  'Claro, a nota fiscal do pedido %s segue por e-mail.',
  'Pedimos desculpas pelo transtorno com o %s. Vamos resolver agora.',
  'Pagamento confirmado, obrigada!',
  'Abrimos às 7h e fechamos às 19h. 😊',
  'Endereço do pedido %s atualizado.',
  'Posso ajudar em algo mais?',
];

/** Another word of a list for each row; who answers, by thread. */
const oneOf = (list: string): string => `${list}[1 + floor(random() * cardinality(${list}))::int]`;
const ofThread = (list: string): string => `${list}[1 + floor(s.chance * 1000000)::int % cardinality(${list})]`;

/** What the rows are made of, dropped with the transaction: threads, their messages, what these say of each thread, people. */
const drafts = ({ contacts, conversations, messages }: Sizes): Record<string, string> => ({
  // Of several with one contact only the first may be live.
  seed_threads: `
    SELECT n, n % ${contacts} AS person, n < ${contacts} AS may_live, random() AS chance,
           date_trunc('milliseconds', now() - interval '365 days' * random()) AS began_at, interval '30 days' * random() AS lasts
      FROM generate_series(0, ${conversations - 1}) n`,
  // Each thread has its first message; a few have most of the rest, as in life.
  seed_messages: `
    SELECT m, thread, incoming, moment, pg_temp.id_at(moment) AS id
      FROM (SELECT m, thread, m < ${conversations} OR random() < 0.55 AS incoming,
                   CASE WHEN m < ${conversations} THEN t.began_at
                        ELSE date_trunc('milliseconds', t.began_at + least(t.lasts, now() - t.began_at) * random()) END AS moment
              FROM (SELECT m, CASE WHEN m < ${conversations} THEN m ELSE floor(${conversations} * random() ^ 2)::int END AS thread
                      FROM generate_series(0, ${messages - 1}) m) spread
              JOIN seed_threads t ON t.n = thread) timed
     ORDER BY moment`,
  seed_states: `
    SELECT *, pg_temp.id_at(began_at) AS id,
           CASE WHEN may_live AND last_at > now() - interval '60 days' THEN CASE WHEN chance < 0.7 THEN 'open' ELSE 'pending' END
                WHEN chance < 0.2 THEN 'resolved' ELSE 'closed' END AS status
      FROM (SELECT t.n, t.person, t.may_live, t.chance, t.began_at, count(*)::int AS total, count(*) FILTER (WHERE m.incoming)::int AS received,
                   max(m.moment) AS last_at, max(m.moment) FILTER (WHERE m.incoming) AS last_incoming_at,
                   max(m.moment) FILTER (WHERE NOT m.incoming) AS last_outgoing_at, min(m.moment) FILTER (WHERE NOT m.incoming) AS first_response_at
              FROM seed_threads t JOIN seed_messages m ON m.thread = t.n GROUP BY t.n, t.person, t.may_live, t.chance, t.began_at) told`,
  seed_people: `
    SELECT *, pg_temp.id_at(known_since) AS id, greatest(last_incoming_at, last_outgoing_at) AS last_message_at
      FROM (SELECT n, chance, area, 60000000 + (g.first + n) * 7919 % 40000000 AS local,
                   coalesce(t.began_at, date_trunc('milliseconds', now() - interval '365 days' * chance)) AS known_since, t.last_incoming_at, t.last_outgoing_at,
                   coalesce(t.received, 0) AS received, coalesce(t.sent, 0) AS sent, coalesce(t.threads, 0) AS threads,
                   ${oneOf('g.first_names')} || ' ' || ${oneOf('g.last_names')} || ' ' || ${oneOf('g.last_names')} AS full_name
              FROM (SELECT n, random() AS chance, (ARRAY[11, 12, 19, 21, 27, 31, 41, 47, 51, 61, 62, 71, 81, 85, 91])[1 + n % 15] AS area
                      FROM generate_series(0, ${contacts - 1}) n) p
             CROSS JOIN seed_given g
              LEFT JOIN (SELECT person, min(began_at) AS began_at, max(last_incoming_at) AS last_incoming_at, max(last_outgoing_at) AS last_outgoing_at,
                                sum(received)::int AS received, sum(total - received)::int AS sent, count(*)::int AS threads
                           FROM seed_states GROUP BY person) t ON t.person = p.n) known
     ORDER BY known_since`,
});

const ROWS = [
  `INSERT INTO contacts (id, organization_id, created_at, updated_at, whatsapp_id, match_key, wa_id, whatsapp_name, name, email, company, address_city, source,
          lifecycle_stage, lead_score, opt_in, opt_in_date, opt_out_date, is_vip, assigned_agent_id, last_message_at, last_message_received_at, last_message_sent_at,
          total_messages_sent, total_messages_received, total_conversations)
   SELECT s.id, g.organization_id, known_since, coalesce(last_message_at, known_since), '+55' || area || '9' || local, '55' || area || local, '55' || area || local,
          split_part(full_name, ' ', 1), CASE WHEN chance < 0.9 THEN full_name END,
          CASE WHEN chance < 0.7 THEN replace(fold(full_name), ' ', '.') || n || (ARRAY['@gmail.com', '@hotmail.com', '@uol.com.br', '@empresa.example'])[1 + n % 4] END,
          CASE WHEN chance < 0.1 THEN split_part(full_name, ' ', 3) || ' Comércio Ltda' END,
          CASE WHEN chance < 0.5 THEN (ARRAY['São Paulo', 'Rio de Janeiro', 'Belo Horizonte', 'Curitiba', 'Salvador'])[1 + n % 5] END,
          (ARRAY['whatsapp', 'whatsapp', 'whatsapp', 'api', 'import'])[1 + n % 5],
          (ARRAY['lead', 'prospect', 'customer', 'customer', 'vip', 'churned'])[1 + n % 6], floor(chance * 100), opted_in,
          CASE WHEN opted_in THEN known_since END, CASE WHEN NOT opted_in THEN known_since END, chance < 0.03,
          CASE WHEN chance < 0.2 THEN ${ofThread('g.agents')} END, last_message_at, last_incoming_at, last_outgoing_at, sent, received, threads
     FROM seed_people s CROSS JOIN seed_given g CROSS JOIN LATERAL (SELECT n % 10 > 0 AS opted_in) o
    ORDER BY known_since`,

  `INSERT INTO contact_identities (id, organization_id, created_at, updated_at, kind, value, contact_id, first_seen_at, last_seen_at)
   SELECT pg_temp.id_at(known_since), g.organization_id, known_since, known_since, 'phone', '55' || area || local, s.id, known_since, coalesce(last_incoming_at, known_since)
     FROM seed_people s CROSS JOIN seed_given g`,

  `INSERT INTO conversations (id, organization_id, created_at, updated_at, contact_id, whatsapp_number_id, status, is_archived, archived_at, priority, queue_priority,
          current_agent_id, assigned_at, first_message_at, last_message_at, last_incoming_at, last_outgoing_at, first_response_at, first_response_time_seconds,
          resolved_at, closed_at, resolution_time_seconds, last_read_at, window_expires_at, unread_count, total_messages, messages_from_contact, messages_from_agent,
          tags, last_message_id)
   SELECT s.id, g.organization_id, s.began_at, s.last_at, p.id, ${ofThread('g.numbers')}, s.status, archived, CASE WHEN archived THEN s.last_at END,
          (ARRAY['low', 'medium', 'medium', 'medium', 'high', 'urgent'])[1 + s.n % 6], (ARRAY[10, 50, 50, 50, 80, 100])[1 + s.n % 6],
          CASE WHEN assigned THEN ${ofThread('g.agents')} END, CASE WHEN assigned THEN coalesce(s.first_response_at, s.began_at) END,
          s.began_at, s.last_at, s.last_incoming_at, s.last_outgoing_at, s.first_response_at, extract(epoch FROM s.first_response_at - s.began_at),
          ended_at, CASE WHEN s.status = 'closed' THEN ended_at END, extract(epoch FROM ended_at - s.began_at),
          CASE WHEN unread THEN s.last_outgoing_at ELSE s.last_at END, s.last_incoming_at + interval '24 hours', CASE WHEN unread THEN coalesce(w.count, 0) ELSE 0 END,
          s.total, s.received, s.total - s.received,
          CASE s.n % 5 WHEN 0 THEN ARRAY['entrega'] WHEN 1 THEN ARRAY['reclamação', 'troca'] ELSE ARRAY[]::text[] END, last.id
     FROM seed_states s
    CROSS JOIN seed_given g
     JOIN seed_people p ON p.n = s.person
     JOIN (SELECT DISTINCT ON (thread) thread, id FROM seed_messages ORDER BY thread, moment DESC, id DESC) last ON last.thread = s.n
     LEFT JOIN (SELECT m.thread, count(*) FROM seed_messages m JOIN seed_states t ON t.n = m.thread
                 WHERE m.incoming AND m.moment > coalesce(t.last_outgoing_at, '-infinity') GROUP BY m.thread) w ON w.thread = s.n
    CROSS JOIN LATERAL (SELECT s.status IN ('open', 'pending') AS live, s.status = 'closed' AND s.n % 10 = 0 AS archived) a
    CROSS JOIN LATERAL (SELECT s.n % 10 >= CASE WHEN live THEN 4 ELSE 1 END AS assigned, live AND s.n % 3 > 0 AS unread, CASE WHEN NOT live THEN s.last_at END AS ended_at) b
    ORDER BY s.began_at`,

  `INSERT INTO messages (id, organization_id, created_at, updated_at, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, sender_user_id, sender_name,
          message_type, content, payload, status, whatsapp_message_id, sent_at, delivered_at, read_at, failed_at, error_code)
   SELECT d.id, g.organization_id, moment, moment, s.id, p.id, ${ofThread('g.numbers')}, CASE WHEN incoming THEN 'incoming' ELSE 'outgoing' END,
          CASE WHEN incoming THEN 'contact' ELSE 'agent' END, CASE WHEN NOT incoming THEN ${ofThread('g.agents')} END,
          CASE WHEN incoming THEN p.full_name ELSE ${ofThread('g.agent_names')} END, 'text', text, jsonb_build_object('text', text), d.status,
          'wamid.HBgM' || upper(replace(d.id::text, '-', '')), CASE WHEN NOT incoming THEN moment END,
          CASE WHEN d.status IN ('delivered', 'read') THEN moment + interval '2 seconds' END, CASE WHEN d.status = 'read' THEN moment + interval '1 minute' END,
          CASE WHEN d.status = 'failed' THEN moment + interval '2 seconds' END, CASE WHEN d.status = 'failed' THEN '131026' END
     FROM (SELECT m.*, format(CASE WHEN incoming THEN ${oneOf('questions')} ELSE ${oneOf('answers')} END, 10000 + m % 90000) AS text,
                  CASE WHEN incoming THEN 'received' WHEN m % 50 = 0 THEN 'failed' WHEN m % 50 < 9 THEN 'delivered' ELSE 'read' END AS status
             FROM seed_messages m CROSS JOIN seed_given) d
    CROSS JOIN seed_given g
     JOIN seed_states s ON s.n = d.thread
     JOIN seed_people p ON p.n = s.person
    ORDER BY moment`,
];

/** More rows for an organization that has an agent and a number: a year of a shop's inbox, its counters and pointers right. */
export async function seed(pool: Pool, organization_id: string, sizes: Sizes): Promise<void> {
  if (sizes.messages < sizes.conversations) throw new Error('A conversation has at least one message.');
  const sql = await pool.connect();
  try {
    await sql.query('BEGIN');
    await sql.query(`SET LOCAL work_mem = '256MB'`);
    // Millions of rows made from each other: to look each reference up takes longer than to make them.
    await sql.query(
      "SELECT set_config('session_replication_role', 'replica', true) FROM pg_roles WHERE rolname = current_user AND rolsuper",
    );
    await sql.query('SELECT setseed(0.5)');
    // A UUIDv7 of that moment.
    await sql.query(
      `CREATE FUNCTION pg_temp.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql AS $$
         SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(floor(extract(epoch FROM moment) * 1000)::bigint) FROM 3)
                                               FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid $$`,
    );
    const { rowCount } = await sql.query({
      text: `CREATE TEMP TABLE seed_given ON COMMIT DROP AS
             SELECT $1::uuid AS organization_id, $2::text[] AS first_names, $3::text[] AS last_names, $4::text[] AS questions, $5::text[] AS answers,
                    (SELECT count(*) FROM contacts WHERE organization_id = $1) AS first, agents, agent_names, numbers
               FROM (SELECT array_agg(id ORDER BY id) AS agents, array_agg(full_name ORDER BY id) AS agent_names FROM users
                      WHERE organization_id = $1 AND role <> 'viewer' AND is_active AND deleted_at IS NULL) a,
                    (SELECT array_agg(id ORDER BY id) AS numbers FROM whatsapp_numbers WHERE organization_id = $1 AND deleted_at IS NULL) n
              WHERE agents IS NOT NULL AND numbers IS NOT NULL`,
      values: [organization_id, FIRST_NAMES, LAST_NAMES, QUESTIONS, ANSWERS],
    });
    if (!rowCount) throw new Error('The organization needs an agent and a WhatsApp number first.');
    for (const [name, select] of Object.entries(drafts(sizes))) {
      await sql.query(`CREATE TEMP TABLE ${name} ON COMMIT DROP AS ${select}`);
      await sql.query(`ANALYZE ${name}`);
    }
    for (const insert of ROWS) await sql.query(insert);
    await sql.query('COMMIT');
    for (const table of ['contacts', 'contact_identities', 'conversations', 'messages']) await sql.query(`VACUUM (ANALYZE) ${table}`);
  } finally {
    // The connection goes, and with it what was temporary.
    sql.release(true);
  }
}

/** CONTACTS, CONVERSATIONS, MESSAGES into a database of its own; with DATABASE_URL into that one's ORGANIZATION (its id or slug). */
async function fill(pool: Pool, organization_id: string): Promise<number> {
  const sizes = {
    contacts: setting('CONTACTS', 100_000),
    conversations: setting('CONVERSATIONS', 100_000),
    messages: setting('MESSAGES', 1_000_000),
  };
  const started = performance.now();
  await seed(pool, organization_id, sizes);
  const seconds = (performance.now() - started) / 1000;
  console.log(`${sizes.contacts} contacts, ${sizes.conversations} conversations, ${sizes.messages} messages in ${figure(seconds)} s`);
  return seconds;
}

async function fillRunning(connectionString: string, organization = ''): Promise<void> {
  const pool = new Pool({ connectionString });
  try {
    const { rows } = await pool.query<{ id: string; slug: string }>(
      'SELECT id, slug FROM organizations WHERE deleted_at IS NULL ORDER BY created_at',
    );
    const found = rows.filter(({ id, slug }) => !organization || id === organization || slug === organization);
    if (found.length !== 1) throw new Error(`ORGANIZATION is one of: ${rows.map(({ slug }) => slug).join(', ')}`);
    await fill(pool, found[0].id);
  } finally {
    await pool.end();
  }
}

if (require.main === module) {
  const { DATABASE_URL, ORGANIZATION } = process.env;
  if (DATABASE_URL)
    void fillRunning(DATABASE_URL, ORGANIZATION).catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    });
  else
    play(async (stage, check) => {
      await stage.pytake();
      const seconds = await fill(stage.sql, stage.bakery.organization_id);
      check(seconds <= 60, 'filled in at most a minute');
    });
}
