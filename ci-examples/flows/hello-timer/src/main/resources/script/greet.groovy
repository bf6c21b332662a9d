import com.sap.gateway.ip.core.customdev.util.Message

def Message processData(Message message) {
    def level = message.getProperty("logLevel")
    messageLogFactory?.getMessageLog(message)?.setStringProperty("level", level ?: "INFO")
    return message
}
