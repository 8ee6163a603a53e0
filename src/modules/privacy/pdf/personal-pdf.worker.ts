import { setPdf } from '#common/pdf/pdf-thread';
import { PersonalDocument, type PersonalHead, type PersonalRows } from './personal-document';

// The thread that sets the pages of a person's data (personal-pdf.ts).

setPdf<PersonalHead, PersonalRows>((head, part) => new PersonalDocument(head, part));
