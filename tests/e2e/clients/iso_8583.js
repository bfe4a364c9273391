// npm's iso_8583 as an acquirer's host: reads a JSON list of messages from standard input, sends one after the other to 127.0.0.1:PORT,
// each when the answer to the one before has come, and prints the answers as it reads them.
const net = require('net');
const Message = require('iso_8583');
const messages = JSON.parse(require('fs').readFileSync(0));
const answers = [];
const line = net.connect(Number(process.argv[2]), '127.0.0.1');
let heard = Buffer.alloc(0);
const next = () => {
  const packed = new Message(messages[answers.length]).getBufferMessage();
  if (packed.error) throw new Error(packed.error);
  line.write(packed);
};
line.on('connect', next);
line.on('data', data => {
  heard = Buffer.concat([heard, data]);
  while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
    const size = 2 + heard.readUInt16BE(0);
    answers.push(new Message().getIsoJSON(heard.slice(0, size)));
    heard = heard.slice(size);
    if (answers.length < messages.length) next();
    else line.end();
  }
});
line.on('close', () => { process.stdout.write(JSON.stringify(answers)); });
