/** WhatsApp lets nobody write more than 4,096 characters; whatever came some other way is cut in a PDF. */
export const PDF_TEXT_MAX = 8000;
export const PDF_LINES_MAX = 150;
