// Package pb is the wire form of the contract, generated from module.proto. It
// runs in both processes. Only sdk/rpc imports it: nothing else in mtad knows a
// pb type, and a module in another language needs module.proto alone.
//
// Next: sdk/rpc turns these messages into the plain data of sdk.
package pb

//go:generate ./generate.sh
