// Arguments: port, folder of the data. See program in emulators.go.
const [port, path] = process.argv.slice(-2)
const server = require('dynalite')({ path: path || undefined, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
process.stdin.on('end', () => process.exit()).resume()
