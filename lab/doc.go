// Package lab builds networks with NATs and firewalls, and tries FTP in them.
package lab
