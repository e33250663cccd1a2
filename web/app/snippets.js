// What is on screen as a program: the same request from a terminal and from common languages.

const json = (value, indent = 2) => JSON.stringify(value, null, indent);
/** In single quotes for a POSIX shell. */
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A JSON value as Python writes it. */
function python(value, pad = '') {
    if (value === null) return 'None';
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    if (typeof value !== 'object') return JSON.stringify(value);
    const list = Array.isArray(value), inner = `${pad}    `;
    const items = list ? value.map((v) => inner + python(v, inner))
        : Object.entries(value).map(([k, v]) => `${inner}${JSON.stringify(k)}: ${python(v, inner)}`);
    const [open, close] = list ? '[]' : '{}';
    return items.length === 0 ? open + close : `${open}\n${items.join(',\n')},\n${pad}${close}`;
}

/** Go takes no byte order mark within a file. */
const goString = (text) => JSON.stringify(text).replace(/[\u2028\u2029\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);

export const snippets = {
    curl: ({ url, key, body }) => (key ? '# export WINNOW_KEY=...\n' : '') + [
        `curl ${shell(`${url}/v1/rerank`)}`, `-H 'Content-Type: application/json'`, ...(key ? [`-H "Authorization: Bearer $WINNOW_KEY"`] : []),
        `-d ${shell(json(body))}`].join(' \\\n     ') + '\n',

    requests: ({ url, key, body }) => `${key ? 'import os\n' : ''}import requests

answer = requests.post(
    ${JSON.stringify(`${url}/v1/rerank`)},
${key ? '    headers={"Authorization": f"Bearer {os.environ[\'WINNOW_KEY\']}"},\n' : ''}    json=${python(body, '    ')},
    timeout=60,
)
answer.raise_for_status()
for result in answer.json()["results"]:
    print(result["index"], result["relevance_score"])
`,

    cohere: ({ url, key, body, model }) => `${key ? 'import os\n' : ''}import cohere

client = cohere.ClientV2(api_key=${key ? 'os.environ["WINNOW_KEY"]' : '"none"'}, base_url=${JSON.stringify(url)})
answer = client.rerank(
    model=${JSON.stringify(model)},
    query=${JSON.stringify(body.query)},
    documents=${python(body.documents, '    ')},
${body.top_n ? `    top_n=${body.top_n},\n` : ''})
for result in answer.results:
    print(result.index, result.relevance_score)
`,

    langchain: ({ url, key, body, model }) => `${key ? 'import os\n' : ''}from langchain_community.document_compressors import jina_rerank
from langchain_core.documents import Document

jina_rerank.JINA_API_URL = ${JSON.stringify(`${url}/v1/rerank`)}
compressor = jina_rerank.JinaRerank(
    jina_api_key=${key ? 'os.environ["WINNOW_KEY"]' : '"none"'}, model=${JSON.stringify(model)}, top_n=${body.top_n ?? body.documents.length})
texts = ${python(body.documents)}
documents = [Document(page_content=text) for text in texts]
for document in compressor.compress_documents(documents, ${JSON.stringify(body.query)}):
    print(document.metadata["relevance_score"], document.page_content)
`,

    javascript: ({ url, key, body }) => `const response = await fetch(${JSON.stringify(`${url}/v1/rerank`)}, {
    method: 'POST',
    headers: {
        'Content-Type': 'application/json',${key ? '\n        Authorization: `Bearer ${process.env.WINNOW_KEY}`,' : ''}
    },
    body: JSON.stringify(${json(body, 4).replaceAll('\n', '\n    ')}),
});
if (!response.ok) throw new Error(await response.text());
for (const result of (await response.json()).results) {
    console.log(result.index, result.relevance_score);
}
`,

    go: ({ url, key, body }) => `package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
${key ? '\t"os"\n' : ''}	"strings"
)

func main() {
	body := ${goString(JSON.stringify(body))}
	request, err := http.NewRequest("POST", ${goString(`${url}/v1/rerank`)}, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
${key ? '\trequest.Header.Set("Authorization", "Bearer "+os.Getenv("WINNOW_KEY"))\n' : ''}	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, string(answer))
}
`,
};
