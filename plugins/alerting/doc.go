// Package alerting is the module that sends alert mail: rules count events
// (failures, rejections) and write to the postmaster when one happens too
// often, once in a while and not each time. It runs in a process of its own, or
// in the core where isolation is "core".
//
// Next: an alert is injected and goes out like any message.
package alerting
